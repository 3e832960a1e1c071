package import AuraStream
internal import Glibc

/// This computer's monotonic clock: the one the sound servers stamp their reports with.
package enum HostClock {
  /// Now, on CLOCK_MONOTONIC. Never blocks; safe on the audio thread.
  package static var now: HostTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return HostTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// The processor time that this thread has had.
  package static var threadTime: Duration {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// An instant of the past as people's clocks had it, in seconds of Unix time.
  package static func unixSeconds(at instant: HostTime) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) - Int64((now - instant).inSeconds.rounded())
  }
}
