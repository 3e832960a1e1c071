internal import AuraCodec
internal import AuraStream

extension Target {
  /// A decoder fed with anything: packets, gaps, new beginnings.
  static let opus = Target(
    name: "opus", executions: 3_000, longest: 600, run: tryDecoder, seeds: opusSeeds)
}

/// Instructions: 0 conceals, 1 begins anew, others are followed by a packet's length and the packet.
private func tryDecoder(_ bytes: [UInt8]) {
  guard var decoder = try? OpusDecoder() else { return }
  var program = ByteProgram(bytes)
  for _ in 0..<8 where !program.isAtEnd {
    var sound: [Float] = [0.25]
    switch program.byte() & 7 {
    case 0:
      let frames = Int(program.uint16()) % (OpusDecoder.mostFrames + 1)
      decoder.conceal(frames: frames, appendingTo: &sound)
      check(sound.count <= 1 + 2 * (frames + 119), "not more is made up than was asked for")
    case 1: decoder.reset()
    default:
      let packet = program.bytes(Int(program.byte()))
      let expected = OpusDecoder.frames(in: packet.span)
      let made = decoder.decode(packet.span, appendingTo: &sound)
      check(sound.count == 1 + 2 * (made ?? 0), "what is said to be decoded is there")
      check(made.map { $0 == expected } ?? true, "a packet has the frames it announces")
    }
    check(sound[0] == 0.25, "what was there before stays")
    check(sound.allSatisfy(\.isFinite), "sound is made of numbers")
  }
}

private func opusSeeds() -> [[UInt8]] {
  [OpusProfile.smooth, .lowLatency].compactMap { profile in
    guard var encoder = try? OpusEncoder(profile) else { return nil }
    var room = [UInt8](repeating: 0, count: OpusProfile.mostBytes)
    var program: [UInt8] = []
    for packet in 0..<2 {
      let sound = (0..<2 * profile.frames).map { Float(($0 * (packet + 3)) % 50) / 100 - 0.25 }
      var span = room.mutableSpan
      guard let count = encoder.encode(sound.span, into: &span), count < 256 else { continue }
      program += [2, UInt8(count)] + room[..<count] + [0, 1, 0]
    }
    return program
  }
}
