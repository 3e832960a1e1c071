internal import AuraStream
internal import FoundationEssentials

/// What the first message of the original protocol says.
enum Announcement: Equatable {
  case format(OriginalFormat)
  case refusal(String)
  case absurd(String)

  /// Reads the JSON of the first message.
  ///
  /// - Parameter json: UTF-8, already bounded in length.
  init(json: [UInt8]) {
    struct Wire: Decodable {
      var sample_rate: Double?
      var channels: Double?
      var chunk_size: Double?
      var error: String?
    }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(json)) else {
      self = .absurd("its first message is not the JSON it should be")
      return
    }
    if let error = wire.error {
      self = .refusal(String(error.prefix(100)))
      return
    }
    guard let rate = wire.sample_rate.flatMap({ Int(exactly: $0) }),
      let channels = wire.channels.flatMap({ Int(exactly: $0) }),
      let chunk = wire.chunk_size.flatMap({ Int(exactly: $0) })
    else {
      self = .absurd("its first message lacks the sound's format")
      return
    }
    let format = OriginalFormat(sampleRate: rate, channels: channels, chunkSize: chunk)
    self =
      format.isPlayable
      ? .format(format)
      : .absurd("it announces \(rate) Hz, \(channels) channels, \(chunk) frames a message")
  }
}
