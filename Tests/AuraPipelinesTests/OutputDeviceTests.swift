@testable import AuraPipelines
import AuraAudio
import AuraHost
import AuraStream
import Synchronization
import Testing

/// What clients read of our device's latency, on a real server; with those that change the
/// environment, for it does as well.
extension PrivateSoundServerTests {
  @Test(.timeLimit(.minutes(1)))
  func clientsReadWhatIsClaimed() throws {
    let server = try PrivateSoundServer.start()
    defer { server.stop() }
    let device = OutputDevice(claiming: .milliseconds(200), becomesDefault: true)
    let capture = CaptureTap()
    let output = try Sound.output(device, of: .pipewire, into: capture) { _ in }
    // Libpulse's clients, and PipeWire's own: each as their libraries report it.
    let taps = SoundBackend.allCases.map {
      ($0, PlaybackTap(minimumFrames: 480, resumeThreshold: 1))
    }
    let players = try taps.map { backend, tap in
      try Sound.playback(to: OutputDevice.name, of: backend, from: tap) { _ in }
    }
    defer { players.forEach { $0.stop() } }
    let plain = own(taps, besides: .milliseconds(200))
    #expect(plain.allSatisfy { $0 < .milliseconds(100) }, "their own buffers are \(plain)")
    device.claim(.milliseconds(500))
    #expect(device.claimed == .milliseconds(500))
    let later = own(taps, besides: .milliseconds(500))
    for (before, after) in zip(plain, later) {
      let difference = max(before, after) - min(before, after)
      #expect(difference < .milliseconds(15), "\(plain) became \(later)")
    }
    players.forEach { $0.stop() }
    output.stop()
    var left: [SoundDevice] = []
    // Which is the default is another program's to say, a moment later.
    for _ in 0..<1000 {
      left = try Sound.devices(of: .pipewire)
      if left.map(\.isDefault) == [true] { break }
      WakeUp().wait(timeout: .milliseconds(20))
    }
    #expect(left.map(\.name) == [PrivateSoundServer.sinkName])
    #expect(left.map(\.isDefault) == [true], "the old default is back")
  }

  /// What each reports beyond the claim, once that has reached it.
  private func own(
    _ taps: [(SoundBackend, PlaybackTap)], besides claim: Duration
  ) -> [Duration] {
    let pause = WakeUp()
    return taps.map { backend, tap in
      // The middle of twenty: single ones jump where a thread was held up.
      var latest: [Duration] = []
      for _ in 0..<1000 {
        let own = tap.reportedOutputDelay - claim
        if tap.lastRender != nil, own > .milliseconds(-5), own < .milliseconds(150) {
          latest.append(own)
        }
        if latest.count == 20 { return latest.sorted()[10] }
        pause.wait(timeout: .milliseconds(20))
      }
      Issue.record("\(backend) reports \(tap.reportedOutputDelay), not \(claim)")
      return .zero
    }
  }
}
