/// Uncompressed stereo as an offer names it.
package struct LinearFormat: Equatable, Sendable {
  package var coding: LinearAudio
  package var payloadType: UInt8

  package init(coding: LinearAudio, payloadType: UInt8) {
    self.coding = coding
    self.payloadType = payloadType
  }
}

/// Uncompressed sound in RTP: L16 (RFC 3551 section 4.5.11) and L24 (RFC 3190 section 4).
///
/// Two's complement, most significant byte first, interleaved.
package enum LinearAudio: String, CaseIterable, Sendable {
  case l16 = "L16"
  case l24 = "L24"

  /// Packet times to choose from, in frames at 48 kHz: 1, 2, 2.5, 4 and 5 ms; the longest first.
  private static let packetTimes = [240, 192, 120, 96, 48]

  /// The length of a sample.
  package var bytesPerSample: Int { self == .l16 ? 2 : 3 }

  /// The full scale of a sample.
  private var scale: Float { self == .l16 ? 32_768 : 8_388_608 }

  /// How many frames a packet has: the most that fit.
  ///
  /// - Parameters:
  ///   - room: bytes there are for the payload: of 1,200 in a datagram the headers' and the tag's are gone.
  ///   - channels: samples in a frame.
  /// - Returns: at 48 kHz: of the usual packet times the longest that fits; nil when none does.
  package func packetFrames(room: Int, channels: Int = 2) -> Int? {
    Self.packetTimes.first { $0 * channels * bytesPerSample <= room }
  }

  /// Frames in a packet of ours: stereo in a datagram of `OutgoingFlow.mostDatagramBytes` at most.
  package var packetFrames: Int {
    guard let frames = packetFrames(room: OutgoingFlow.mostPayloadBytes) else {
      preconditionFailure("a millisecond fits")
    }
    return frames
  }

  /// A packet's payload in bytes, and how long it sounds.
  package var packetBytes: Int { 2 * packetFrames * bytesPerSample }
  package var packetDuration: Duration { .frames(packetFrames) }

  /// How many whole frames a payload has; nil when it does not consist of whole frames.
  package func frames(in byteCount: Int, channels: Int = 2) -> Int? {
    let size = channels * bytesPerSample
    return byteCount > 0 && byteCount.isMultiple(of: size) ? byteCount / size : nil
  }

  /// Writes samples as a payload. Allocates nothing.
  ///
  /// Rounded to the nearest step; what is beyond full scale is cut, what is no number is silence.
  ///
  /// - Parameters:
  ///   - samples: interleaved.
  ///   - room: at least as long as they need; written from its beginning.
  /// - Returns: the payload's length in bytes.
  @discardableResult
  package func encode(_ samples: Span<Float>, into room: inout MutableSpan<UInt8>) -> Int {
    let size = bytesPerSample
    precondition(room.count >= samples.count * size, "a payload needs its room")
    for index in samples.indices {
      let scaled = (samples[index] * scale).rounded()
      let value =
        scaled.isFinite || scaled.isInfinite ? Int32(min(max(scaled, -scale), scale - 1)) : 0
      for byte in 0..<size {
        room[index * size + byte] = UInt8(truncatingIfNeeded: value >> (8 * Int32(size - 1 - byte)))
      }
    }
    return samples.count * size
  }

  /// Reads a payload.
  ///
  /// - Parameters:
  ///   - payload: from the network: anything at all.
  ///   - channels: samples in a frame.
  ///   - output: the samples are appended, interleaved; untouched when there are none.
  /// - Returns: how many frames; nil when it does not consist of whole frames: drop and count it.
  package func decode(
    _ payload: Span<UInt8>, channels: Int = 2, appendingTo output: inout [Float]
  ) -> Int? {
    guard let frames = frames(in: payload.count, channels: channels) else { return nil }
    let size = bytesPerSample
    for start in stride(from: 0, to: payload.count, by: size) {
      // Assembled at the upper end, so that the sign is in its place.
      var value: Int32 = 0
      for byte in 0..<size { value |= Int32(payload[start + byte]) << Int32(24 - 8 * byte) }
      output.append(Float(value >> Int32(32 - 8 * size)) / scale)
    }
    return frames
  }
}
