// What Linux has and Swift's Glibc module leaves out.
#pragma once
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <signal.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

// Declared by their headers only under _GNU_SOURCE.
extern int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
extern int pipe2(int[2], int);
extern int accept4(int, struct sockaddr *, socklen_t *, int);

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

// Sets how much a pipe holds, in bytes; returns what it holds now, or -1.
static inline int aura_set_pipe_size(int descriptor, int bytes) {
  return fcntl(descriptor, 1031 /* F_SETPIPE_SZ */, bytes);
}

// Copies what waits in a pipe into another one, and leaves it where it is. Never waits.
static inline ssize_t aura_copy_pipe(int from, int to, size_t bytes) {
  return syscall(SYS_tee, from, to, bytes, 2 /* SPLICE_F_NONBLOCK */);
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

// The width of a terminal in characters; 0 when it is none or does not tell.
static inline int aura_terminal_columns(int descriptor) {
  struct winsize size = {0};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static inline int aura_terminal_rows(int descriptor) {
  struct winsize size = {0};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

// What becomes of a signal; 0 or an errno. The handler must be async-signal-safe.
static inline int aura_handle_signal(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_flags = SA_RESTART};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, NULL) == 0 ? 0 : errno;
}

static inline int aura_ignore_signal(int number) { return aura_handle_signal(number, SIG_IGN); }

static inline int aura_signal_is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

// In the new process of aura_start_process, between fork and exec: system calls only.
static inline void aura_become(const char *program, char *const *arguments, char *const *environment,
                               const int *streams, int own_group, int death_signal, pid_t parent) {
  if (own_group) setpgid(0, 0);
  // The parent may have died before it could be asked to take us along.
  if (death_signal && (prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0 || getppid() != parent))
    return;
  // First out of the way: what becomes 0 to 2 may itself be one of them.
  int moved[3];
  for (int i = 0; i < 3; i++)
    if ((moved[i] = fcntl(streams[i], F_DUPFD_CLOEXEC, 3)) < 0 && errno != EBADF) return;
  for (int i = 0; i < 3; i++)
    if (moved[i] >= 0 && dup2(moved[i], i) < 0) return;
#ifdef SYS_close_range
  syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
#endif
  // Our handlers are none of its business, nor that we ignore SIGPIPE. What was ignored when we
  // started (nohup) stays so.
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0) continue;
    if (number != SIGPIPE && (action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL)) continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    sigaction(number, &action, NULL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(program, arguments, environment);
}

// Starts a program whose standard streams are the three descriptors. It gets `death_signal` when
// the calling THREAD ends; 0: none. Returns its pid, or -errno; then there is no process.
static inline int aura_start_process(const char *program, char *const *arguments,
                                     char *const *environment, const int *streams, int own_group,
                                     int death_signal) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -errno;
  pid_t parent = getpid();
  // No handler of ours may run in the new process: it would wake us through shared descriptors.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) {
    aura_become(program, arguments, environment, streams, own_group, death_signal, parent);
    int reason = errno ? errno : ECANCELED;
    ssize_t written = write(report[1], &reason, sizeof reason);
    _exit(written < 0 ? 126 : 127);
  }
  int failure = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  // The pipe closes unwritten when the program has begun.
  if (child > 0) {
    while (read(report[0], &failure, sizeof failure) < 0 && errno == EINTR) {}
    if (failure) while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
  }
  close(report[0]);
  return failure ? -failure : child;
}

// Waits until a child has ended, leaving it a zombie. Returns its exit code, 256 + the signal
// that ended it, or -1.
static inline int aura_await_exit(pid_t child) {
  siginfo_t info;
  int result;
  do {
    info.si_pid = 0;
    result = waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return -1;
  return info.si_code == CLD_EXITED ? info.si_status : 256 + info.si_status;
}

// Removes what aura_await_exit has left.
static inline void aura_reap(pid_t child) {
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
}

// Both ends of a datagram: addresses in network order, IPv4 as ::ffff:a.b.c.d.
struct aura_datagram_path {
  uint8_t remote[16];
  uint8_t local[16];
  uint32_t scope;  // the interface of a link-local IPv6 address, else 0
  uint16_t port;   // the other end's, in host order
};

static inline void aura_map_ipv4(uint8_t bytes[16], const struct in_addr *address) {
  memset(bytes, 0, 10);
  bytes[10] = bytes[11] = 0xff;
  memcpy(bytes + 12, address, 4);
}

// struct in6_pktinfo, which is declared only under _GNU_SOURCE.
struct aura_in6_pktinfo {
  struct in6_addr address;
  unsigned int interface;
};

#ifndef IPV6_RECVPKTINFO
#define IPV6_RECVPKTINFO 49
#define IPV6_PKTINFO 50
#endif

// Asks for the local address of what arrives.
static inline void aura_receive_local_address(int socket, int ipv6) {
  int on = 1;
  if (ipv6) setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  else setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

// Asks for the time at which what arrives did.
static inline void aura_receive_arrival_time(int socket) {
  int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

// How long ago an instant of CLOCK_REALTIME was, in ns; never negative.
static inline int64_t aura_age(const struct timespec *then) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t age = (now.tv_sec - then->tv_sec) * INT64_C(1000000000) + (now.tv_nsec - then->tv_nsec);
  return age > 0 ? age : 0;
}

// Takes the next datagram without waiting; its length, or -errno. One that did not fit: -EMSGSIZE.
// `waited` is for how long the kernel has had it, in ns; 0 where it was not asked.
static inline ssize_t aura_receive_datagram(int socket, void *buffer, size_t size,
                                            struct aura_datagram_path *path, int64_t *waited) {
  struct sockaddr_storage from;
  union {
    struct cmsghdr header;
    char room[128];
  } control;
  struct iovec part = {.iov_base = buffer, .iov_len = size};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part,
                           .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t length;
  do length = recvmsg(socket, &message, MSG_DONTWAIT);
  while (length < 0 && errno == EINTR);
  *waited = 0;
  if (length < 0) return -errno;
  if (message.msg_flags & MSG_TRUNC) return -EMSGSIZE;
  memset(path, 0, sizeof *path);
  if (from.ss_family == AF_INET) {
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&from;
    aura_map_ipv4(path->remote, &ipv4->sin_addr);
    path->port = ntohs(ipv4->sin_port);
  } else {
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&from;
    memcpy(path->remote, &ipv6->sin6_addr, 16);
    path->port = ntohs(ipv6->sin6_port);
    path->scope = ipv6->sin6_scope_id;
  }
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      // struct in_pktinfo: interface, the address to answer from, the address in the header.
      struct in_addr specific;
      memcpy(&specific, CMSG_DATA(item) + 4, sizeof specific);
      aura_map_ipv4(path->local, &specific);
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      memcpy(path->local, CMSG_DATA(item), 16);
    } else if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SO_TIMESTAMPNS) {
      struct timespec then;
      memcpy(&then, CMSG_DATA(item), sizeof then);
      *waited = aura_age(&then);
    }
  }
  return length;
}

// Sends a datagram without waiting; 0, or an errno.
static inline int aura_send_datagram(int socket, const void *bytes, size_t size,
                                     const struct aura_datagram_path *path) {
  union {
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
  } to;
  union {
    struct cmsghdr header;
    char room[64];
  } control;
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static const uint8_t none[16] = {0};
  int is_ipv4 = memcmp(path->remote, mapped, 12) == 0;
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
  struct msghdr message = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1};
  memset(&to, 0, sizeof to);
  if (is_ipv4) {
    to.ipv4.sin_family = AF_INET;
    memcpy(&to.ipv4.sin_addr, path->remote + 12, 4);
    to.ipv4.sin_port = htons(path->port);
    message.msg_namelen = sizeof to.ipv4;
  } else {
    to.ipv6.sin6_family = AF_INET6;
    memcpy(&to.ipv6.sin6_addr, path->remote, 16);
    to.ipv6.sin6_port = htons(path->port);
    to.ipv6.sin6_scope_id = path->scope;
    message.msg_namelen = sizeof to.ipv6;
  }
  if (memcmp(path->local, none, 16) != 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    if (is_ipv4) {
      control.header.cmsg_level = IPPROTO_IP;
      control.header.cmsg_type = IP_PKTINFO;
      control.header.cmsg_len = CMSG_LEN(12);
      message.msg_controllen = CMSG_SPACE(12);
      memcpy(CMSG_DATA(&control.header) + 4, path->local + 12, 4);
    } else {
      struct aura_in6_pktinfo info = {.interface = path->scope};
      memcpy(&info.address, path->local, 16);
      control.header.cmsg_level = IPPROTO_IPV6;
      control.header.cmsg_type = IPV6_PKTINFO;
      control.header.cmsg_len = CMSG_LEN(sizeof info);
      message.msg_controllen = CMSG_SPACE(sizeof info);
      memcpy(CMSG_DATA(&control.header), &info, sizeof info);
    }
  }
  return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

// Asks for a send buffer of so many bytes; above the system's limit only with permission. Returns
// what there is now, by the kernel's count.
static inline int aura_set_send_buffer(int socket, int bytes) {
  int have = 0;
  socklen_t length = sizeof have;
  if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &have, &length);
  return have;
}

// Gives free memory back to the system, which the allocator otherwise keeps once a crowd has gone.
static inline void aura_give_back_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
