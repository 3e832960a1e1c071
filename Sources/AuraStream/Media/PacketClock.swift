/// What one broadcast's RTP timestamps count: media time from a random start (RFC 3550, 5.1).
package struct PacketClock: Equatable, Sendable {
  /// The timestamp of media time zero; random, the same for all packets of a broadcast.
  package let offset: UInt32

  /// A clock with its offset.
  package init(offset: UInt32) { self.offset = offset }

  /// The timestamp of a frame.
  package func timestamp(of time: MediaTime) -> UInt32 {
    offset &+ UInt32(truncatingIfNeeded: time.frames)
  }

  /// The frame that a timestamp means, which wraps every 25 hours.
  ///
  /// - Parameters:
  ///   - timestamp: as a packet or a report has it.
  ///   - reference: any frame within 12 hours of the one meant.
  /// - Returns: of all frames with that timestamp, the one nearest to `reference`.
  package func mediaTime(of timestamp: UInt32, near reference: MediaTime) -> MediaTime {
    let ahead = Int32(bitPattern: timestamp &- self.timestamp(of: reference))
    return MediaTime(frames: reference.frames + Int64(ahead))
  }

  /// The pair of times that a sender report tells (RFC 3550, 6.4.1).
  ///
  /// - Parameters:
  ///   - now: when the report is sent.
  ///   - line: the broadcast's timeline.
  /// - Returns: the timestamp of the frame nearest to `now`, and that frame's instant exactly. As
  ///   an NTP time it counts from `HostTime`'s origin: a monotonic timeline, which never steps.
  package func report(at now: HostTime, on line: TimelineLine) -> (
    timestamp: UInt32, instant: HostTime
  ) {
    let frame = line.mediaTime(at: now)
    return (timestamp(of: frame), line.instant(of: frame))
  }
}
