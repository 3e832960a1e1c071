// Counts what an audio callback must not do: allocate, free, lock, wait.
//
//   cc -O2 -shared -fPIC -o librtguard.so rtguard.c
//   RTGUARD_OUT=FILE LD_PRELOAD=./librtguard.so PROGRAM ...
//
// A thread is watched while it holds a buffer of the sound system's: from pw_stream_dequeue_buffer
// to pw_stream_queue_buffer, from pa_stream_peek to pa_stream_drop, from pa_stream_begin_write to
// pa_stream_write. What the sound library itself does inside its functions is not counted.
//
// A process that ever held a buffer appends one line to RTGUARD_OUT when it exits:
//   callbacks=N allocations=N locks=N
// With RTGUARD_PLANT=1 something is allocated and a lock taken each time a buffer is: a test sees
// by it that the counting works.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/futex.h>

// Allocated with the thread: looking at it must not allocate.
#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))

PER_THREAD int held;    // buffers this thread has taken and not given back
PER_THREAD int inside;  // depth of calls into the sound library

static atomic_long callbacks, allocations, locks;
static int plant;

static void count(atomic_long *what) {
  if (held > 0 && inside == 0) atomic_fetch_add_explicit(what, 1, memory_order_relaxed);
}

// ---- what is counted

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) {
  count(&allocations);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(&allocations);
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count(&allocations);
  return __libc_realloc(old, size);
}

void free(void *memory) {
  if (memory) count(&allocations);
  __libc_free(memory);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count(&allocations);
  return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  count(&allocations);
  if (alignment % sizeof(void *) || alignment & (alignment - 1)) return EINVAL;
  void *made = __libc_memalign(alignment, size);
  if (made) *memory = made;
  return made ? 0 : ENOMEM;
}

// The next definition of a function; condition variables have an old one that does not fit.
static void *next(const char *name) {
  void *function = NULL;
  if (strncmp(name, "pthread_cond", 12) == 0) function = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
  return function ? function : dlsym(RTLD_NEXT, name);
}

#define NEXT(name)                                                     \
  static __typeof__(&name) real;                                       \
  if (!real) real = (__typeof__(&name))next(#name)

#define LOCK(name, type)          \
  int name(type *lock) {          \
    NEXT(name);                   \
    count(&locks);                \
    return real(lock);            \
  }

LOCK(pthread_mutex_lock, pthread_mutex_t)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
LOCK(sem_wait, sem_t)

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  NEXT(pthread_cond_wait);
  count(&locks);
  return real(condition, mutex);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until) {
  NEXT(pthread_cond_timedwait);
  count(&locks);
  return real(condition, mutex, until);
}

// Swift's Mutex waits with futexes of its own.
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))next("syscall");
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && (a[1] & FUTEX_CMD_MASK) != FUTEX_WAKE) count(&locks);
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// ---- where it is counted

static pthread_mutex_t planted = PTHREAD_MUTEX_INITIALIZER;

static void take(void) {
  if (held++ == 0) atomic_fetch_add(&callbacks, 1);
  if (plant) {
    void *volatile memory = malloc(16);
    free(memory);
    pthread_mutex_lock(&planted);
    pthread_mutex_unlock(&planted);
  }
}

static void give_back(void) {
  if (held > 0) held--;
}

struct pw_buffer;

struct pw_buffer *pw_stream_dequeue_buffer(void *stream) {
  NEXT(pw_stream_dequeue_buffer);
  inside++;
  struct pw_buffer *buffer = real(stream);
  inside--;
  if (buffer) take();
  return buffer;
}

int pw_stream_queue_buffer(void *stream, struct pw_buffer *buffer) {
  NEXT(pw_stream_queue_buffer);
  inside++;
  int result = real(stream, buffer);
  inside--;
  give_back();
  return result;
}

int pa_stream_peek(void *stream, const void **data, size_t *bytes) {
  NEXT(pa_stream_peek);
  inside++;
  int result = real(stream, data, bytes);
  inside--;
  // Without data there is a hole, which is dropped too, or nothing, which is not.
  if (result == 0 && *bytes > 0) take();
  return result;
}

int pa_stream_drop(void *stream) {
  NEXT(pa_stream_drop);
  inside++;
  int result = real(stream);
  inside--;
  give_back();
  return result;
}

int pa_stream_begin_write(void *stream, void **data, size_t *bytes) {
  NEXT(pa_stream_begin_write);
  inside++;
  int result = real(stream, data, bytes);
  inside--;
  if (result == 0) take();
  return result;
}

int pa_stream_cancel_write(void *stream) {
  NEXT(pa_stream_cancel_write);
  inside++;
  int result = real(stream);
  inside--;
  give_back();
  return result;
}

int pa_stream_write(void *stream, const void *data, size_t bytes, void (*release)(void *),
                    int64_t offset, int seek) {
  NEXT(pa_stream_write);
  inside++;
  int result = real(stream, data, bytes, release, offset, seek);
  inside--;
  give_back();
  return result;
}

// Questions that a callback asks while it holds a buffer.
#define QUESTION(result_type, name, parameters, arguments) \
  result_type name parameters {                            \
    NEXT(name);                                            \
    inside++;                                              \
    result_type result = real arguments;                   \
    inside--;                                              \
    return result;                                         \
  }

QUESTION(int, pw_stream_get_time_n, (void *stream, void *time, size_t size), (stream, time, size))
QUESTION(int, pa_stream_get_latency, (void *stream, uint64_t *usec, int *negative),
         (stream, usec, negative))
QUESTION(int, pa_stream_get_time, (void *stream, uint64_t *usec), (stream, usec))
QUESTION(const void *, pa_stream_get_timing_info, (void *stream), (stream))
QUESTION(size_t, pa_stream_readable_size, (const void *stream), (stream))
QUESTION(size_t, pa_stream_writable_size, (const void *stream), (stream))
QUESTION(uint64_t, pa_rtclock_now, (void), ())

// ---- the report

__attribute__((constructor)) static void begin(void) {
  const char *wish = getenv("RTGUARD_PLANT");
  plant = wish ? atoi(wish) : 0;
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("RTGUARD_OUT");
  if (!path || callbacks == 0) return;
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  dprintf(file, "callbacks=%ld allocations=%ld locks=%ld\n", (long)callbacks, (long)allocations,
          (long)locks);
  close(file);
}
