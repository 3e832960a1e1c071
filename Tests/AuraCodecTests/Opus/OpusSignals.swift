import AuraCodec
import AuraStream

/// All three profiles, for tests with arguments.
let opusProfiles: [OpusProfile] = [.smooth, .lowLatency, .stable]

/// 440 Hz on the left, 660 Hz on the right.
func stereoTone(frames: Int, amplitude: Double = 0.5) -> [Float] {
  let left = tone(hertz: 440, rate: 48_000, frames: frames, channels: 1, amplitude: amplitude)
  let right = tone(hertz: 660, rate: 48_000, frames: frames, channels: 1, amplitude: amplitude)
  return zip(left, right).flatMap { [$0, $1] }
}

/// Noise, the same at every run, from -amplitude to amplitude.
func noise(frames: Int, amplitude: Float = 0.3, seed: UInt64 = 1) -> [Float] {
  var state = seed
  return (0..<2 * frames).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return amplitude * (Float(state >> 40) / Float(1 << 23) - 1)
  }
}

extension OpusEncoder {
  /// Encodes all whole packets of a sound.
  mutating func packets(of samples: [Float]) -> [[UInt8]] {
    var packets: [[UInt8]] = []
    var room = [UInt8](repeating: 0, count: OpusProfile.mostBytes)
    let size = 2 * profile.frames
    for first in stride(from: 0, through: samples.count - size, by: size) {
      var span = room.mutableSpan
      guard let count = encode(samples.span.extracting(first..<first + size), into: &span) else {
        continue
      }
      packets.append(Array(room[..<count]))
    }
    return packets
  }
}

extension OpusDecoder {
  /// Decodes packets one after the other.
  mutating func sound(of packets: [[UInt8]]) -> [Float] {
    var sound: [Float] = []
    for packet in packets { _ = decode(packet.span, appendingTo: &sound) }
    return sound
  }
}
