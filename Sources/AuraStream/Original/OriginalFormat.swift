/// The sound format of the original AuraLync protocol, as its first message announces it.
///
/// `docs/protocols/original.md` has the byte table.
package struct OriginalFormat: Equatable, Sendable {
  /// Frames a second on the wire.
  package var sampleRate: Int
  /// Samples a frame on the wire: 1 or 2 from our server, up to 8 from others.
  package var channels: Int
  /// Frames in every message.
  package var chunkSize: Int

  package init(sampleRate: Int, channels: Int, chunkSize: Int) {
    self.sampleRate = sampleRate
    self.channels = channels
    self.chunkSize = chunkSize
  }

  /// Bytes of sound in one message.
  package var chunkByteCount: Int { chunkSize * channels * 4 }

  /// Bytes of one message, its length included.
  package var messageByteCount: Int { 4 + chunkByteCount }

  /// How long one message sounds.
  package var chunkDuration: Duration { .frames(chunkSize, at: sampleRate) }

  /// What one listener takes from the network, in bytes a second, TCP and IP headers not counted.
  package var bytesPerSecond: Int { messageByteCount * sampleRate / chunkSize }

  /// The JSON of the first message, spelled as the original spells it.
  package var announcement: String {
    #"{"sample_rate": \#(sampleRate), "channels": \#(channels), "chunk_size": \#(chunkSize)}"#
  }

  /// The JSON that a server without room sends instead.
  package static let fullAnnouncement = #"{"error": "Server full"}"#

  /// Whether a listener can play it: rates, channels and chunks within reason.
  package var isPlayable: Bool {
    (8_000...384_000).contains(sampleRate) && (1...8).contains(channels)
      && (1...65_536).contains(chunkSize)
  }

  /// A message as it stands on the wire: four bytes of big-endian length, then the bytes.
  package static func framed(_ text: String) -> [UInt8] {
    let body = Array(text.utf8)
    return lengthPrefix(body.count) + body
  }

  /// The four bytes before a message's body.
  package static func lengthPrefix(_ byteCount: Int) -> [UInt8] {
    let length = UInt32(truncatingIfNeeded: byteCount)
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
  }
}
