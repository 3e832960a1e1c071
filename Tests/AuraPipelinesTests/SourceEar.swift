import AuraAudio
import AuraHost
import AuraStream
import Foundation
import Synchronization
import Testing

/// Listens to a source: takes its blocks from the tap as they come, and notes its events.
final class SourceEar: Sendable {
  struct Heard {
    var left: [Float] = []
    var right: [Float] = []
    /// The instant and length of each block.
    var blocks: [(at: HostTime, frames: Int)] = []
    var events: [StreamEvent] = []

    /// Whether the source said that it has ended; why.
    var ending: String? {
      for case .ended(let reason) in events { return reason }
      return nil
    }
  }

  let tap = CaptureTap()
  private let state = Mutex(Heard())

  func note(_ event: StreamEvent) { state.withLock { $0.events.append(event) } }

  var heard: Heard { state.withLock { $0 } }

  /// Takes what has come until `condition` holds.
  func listen(
    atMost deadline: Duration = .seconds(20), until condition: (Heard) -> Bool
  ) throws {
    let end = HostClock.now + deadline
    while true {
      takeAll()
      if condition(heard) { return takeAll() }
      try #require(HostClock.now < end, "nothing came in time: \(heard.events)")
      tap.wakeUp.wait(timeout: .milliseconds(20))
    }
  }

  private func takeAll() {
    while let block = tap.nextBlock {
      var samples = [Float](repeating: 0, count: block.frames * 2)
      unsafe samples.withUnsafeMutableBufferPointer { unsafe tap.takeBlock(into: $0.baseAddress) }
      state.withLock { heard in
        for frame in 0..<block.frames {
          heard.left.append(samples[2 * frame])
          heard.right.append(samples[2 * frame + 1])
        }
        heard.blocks.append((block.capturedAt, block.frames))
      }
    }
  }
}

/// Sines at -6 dB, interleaved.
func sine(hertz: Double, rate: Int, frames: Int, channels: Int) -> [Float] {
  (0..<frames * channels).map { index in
    let turns = hertz / Double(rate) * Double(index / channels)
    return Float(0.5 * sin(2 * .pi * turns.truncatingRemainder(dividingBy: 1)))
  }
}

/// The largest bend of a curve; a click bends far more than a tone.
func largestBend(_ samples: some RandomAccessCollection<Float>) -> Float {
  let all = Array(samples)
  guard all.count > 2 else { return 0 }
  var largest: Float = 0
  for index in 1..<all.count - 1 {
    largest = max(largest, abs(all[index - 1] - 2 * all[index] + all[index + 1]))
  }
  return largest
}

/// The bend of a sine at 48 kHz.
func bend(hertz: Double, amplitude: Double) -> Float {
  let step = 2 * Double.pi * hertz / 48_000
  return Float(amplitude * step * step)
}

/// Little-endian 16-bit samples.
func s16le(_ samples: [Float]) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(samples.count * 2)
  for sample in samples {
    let value = Int16((max(-1, min(1, sample)) * 32_767).rounded())
    bytes.append(UInt8(truncatingIfNeeded: value))
    bytes.append(UInt8(truncatingIfNeeded: value >> 8))
  }
  return bytes
}

/// A WAV file of 16-bit samples, written by hand.
func wav(_ samples: [Float], channels: Int, rate: Int) -> [UInt8] {
  func number(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  let sound = s16le(samples)
  return Array("RIFF".utf8) + number(36 + sound.count, 4) + Array("WAVEfmt ".utf8)
    + number(16, 4) + number(1, 2) + number(channels, 2) + number(rate, 4)
    + number(rate * channels * 2, 4) + number(channels * 2, 2) + number(16, 2)
    + Array("data".utf8) + number(sound.count, 4) + sound
}
