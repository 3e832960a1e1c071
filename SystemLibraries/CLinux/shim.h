// What Linux has and Swift's Glibc module leaves out.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/sockios.h>
#include <signal.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

// Declared by their headers only under _GNU_SOURCE.
extern int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
extern int pipe2(int[2], int);

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

// The width of a terminal in characters; 0 when it is none or does not tell.
static inline int aura_terminal_columns(int descriptor) {
  struct winsize size = {0};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
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
