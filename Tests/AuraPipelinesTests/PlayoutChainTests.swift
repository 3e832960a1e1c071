import AuraAudio
import AuraStream
import Testing

@testable import AuraPipelines

/// The chain with an output in virtual time.
struct PlayoutChainTests {
  private let format = OriginalFormat(sampleRate: 48_000, channels: 2, chunkSize: 480)

  private func options(buffer: Duration) -> Listener.Options {
    Listener.Options(
      host: "", port: 0, backend: .pipewire, outputName: nil, buffer: buffer)
  }

  /// Chunk number `number`: a steady level, so that silence can be told from it.
  private func chunk(_ level: Float) -> [UInt8] {
    let bits = level.bitPattern
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
    return (0..<960).flatMap { _ in bytes }
  }

  private func render(_ tap: PlaybackTap, frames: Int, at now: HostTime) -> [Float] {
    var samples = [Float](repeating: .nan, count: 2 * frames)
    unsafe samples.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe tap.render(into: base, frames: frames, at: now, delay: .milliseconds(5))
    }
    return samples
  }

  @Test func whatIsReceivedIsPlayedAfterTheBuffer() throws {
    let tap = PlaybackTap(minimumFrames: 48_000, resumeThreshold: 1)
    let chain = try PlayoutChain(
      format: format, tap: tap, options: options(buffer: .milliseconds(50)))
    var now = HostTime(nanoseconds: 1_000_000_000)
    _ = render(tap, frames: 480, at: now)
    var played: [Float] = []
    for _ in 0..<100 {
      chain.play(chunk(0.5), now: now)
      now = now + .milliseconds(10)
      played += render(tap, frames: 480, at: now)
    }
    #expect(chain.isPlaying)
    let left = stride(from: 0, to: played.count, by: 2).map { played[$0] }
    let firstSound = left.firstIndex { $0 > 0.25 } ?? 0
    #expect(abs(Duration.frames(firstSound).inMilliseconds - 50) < 12)
    #expect(left[(firstSound + 200)...].allSatisfy { abs($0 - 0.5) < 0.01 })
    #expect(abs(chain.lead.inMilliseconds - 50) < 12)
    #expect(tap.underruns == 0)
  }

  @Test func withoutAnOutputNothingWaits() throws {
    let tap = PlaybackTap(minimumFrames: 48_000, resumeThreshold: 1)
    let chain = try PlayoutChain(
      format: format, tap: tap, options: options(buffer: .milliseconds(50)))
    var now = HostTime(nanoseconds: 1_000_000_000)
    for _ in 0..<100 {
      chain.play(chunk(0.5), now: now)
      now = now + .milliseconds(10)
    }
    #expect(!chain.isPlaying)
    #expect(tap.waitingFrames == 0)
    #expect(chain.lostFrames == 48_000)
  }

  @Test func aBurstIsCaughtUpWithoutAClick() throws {
    let tap = PlaybackTap(minimumFrames: 96_000, resumeThreshold: 1)
    let chain = try PlayoutChain(
      format: format, tap: tap, options: options(buffer: .milliseconds(30)))
    var now = HostTime(nanoseconds: 1_000_000_000)
    _ = render(tap, frames: 480, at: now)
    var played: [Float] = []
    for step in 0..<300 {
      // For 300 ms nothing comes; then all of it at once.
      if !(100..<130).contains(step) { chain.play(chunk(step < 130 ? 0.5 : -0.5), now: now) }
      if step == 130 { for _ in 0..<30 { chain.play(chunk(-0.5), now: now) } }
      now = now + .milliseconds(10)
      played += render(tap, frames: 480, at: now)
    }
    #expect(tap.underruns == 1)
    #expect(chain.takeSkippedFrames() > Duration.milliseconds(200).frames())
    #expect(chain.lead < .milliseconds(45))
    let left = stride(from: 0, to: played.count, by: 2).map { played[$0] }
    let largestStep = zip(left, left.dropFirst()).map { abs($1 - $0) }.max() ?? 1
    #expect(largestStep < 0.05, "no click: everything fades over 2 ms")
  }

  @Test func monoAndSurroundBecomeStereo() throws {
    for channels in [1, 6] {
      let tap = PlaybackTap(minimumFrames: 48_000, resumeThreshold: 1)
      let format = OriginalFormat(sampleRate: 48_000, channels: channels, chunkSize: 480)
      let chain = try PlayoutChain(format: format, tap: tap, options: options(buffer: .zero))
      var now = HostTime(nanoseconds: 1_000_000_000)
      _ = render(tap, frames: 480, at: now)
      var played: [Float] = []
      for _ in 0..<20 {
        let bits = Float(0.5).bitPattern
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
        chain.play((0..<480 * channels).flatMap { _ in bytes }, now: now)
        now = now + .milliseconds(10)
        played += render(tap, frames: 480, at: now)
      }
      #expect(played.suffix(960).allSatisfy { abs($0 - 0.5) < 0.01 }, "\(channels) channels")
    }
  }
}
