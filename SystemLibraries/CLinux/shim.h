// What Linux has and Swift's Glibc module leaves out.
#pragma once
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <linux/sockios.h>
#include <signal.h>
#include <time.h>

// Declared by poll.h only under _GNU_SOURCE.
extern int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

static inline int aura_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

// Bytes of a TCP socket's send queue that the peer has not acknowledged; -1 on failure.
static inline int aura_unacknowledged_bytes(int socket) {
  int bytes = 0;
  return ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

// Bytes that can be read from a pipe, socket or file without waiting; -1 where that is not known.
static inline int aura_readable_bytes(int descriptor) {
  int bytes = 0;
  return ioctl(descriptor, FIONREAD, &bytes) == 0 ? bytes : -1;
}

// The macro RLIMIT_RTPRIO and friends are enum constants whose type differs between C libraries.
static inline int aura_get_realtime_limit(unsigned long *soft) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_RTPRIO, &limit) != 0) return -1;
  *soft = limit.rlim_cur;
  return 0;
}

// Raises the soft limit of open files to the hard one; returns the limit now in force.
static inline unsigned long aura_raise_open_files(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}
