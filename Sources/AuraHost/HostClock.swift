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
}
