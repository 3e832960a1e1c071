import AuraHost
import AuraListener
import AuraPipelines
import AuraStream
import AuraTransport
import AuraWeb
import Foundation
import Synchronization
import Testing

/// A broadcast of a tone, on loopback.
private func withTone(_ body: (String) async throws -> Void) async throws {
  let profile = OpusProfile.smooth
  let broadcast = try Broadcast(
    Broadcast.Configuration(
      source: .tone(hertz: 440), profile: profile,
      original: OriginalServer.Configuration(
        format: OriginalFormat(sampleRate: 48_000, channels: 2, chunkSize: 512),
        addresses: ["127.0.0.1"], port: 0, queueSize: 10, maxClients: 1, listenBacklog: 1,
        mayListen: { _ in true }),
      webRTC: WebRTCServer.Configuration(
        addresses: ["127.0.0.1"], port: 0, maxListeners: 2, packetDuration: profile.ptime,
        typicalPayloadBytes: profile.typicalBytes, mayListen: { _ in true }))
  ) { _ in }
  // Other tests may have all the processor meanwhile.
  var limits = HTTPService.Limits()
  (limits.requestTime, limits.idleTime, limits.writeTime) = (
    .seconds(60), .seconds(60), .seconds(60)
  )
  let service = try await HTTPService.start(
    HTTPService.Configuration(
      addresses: ["127.0.0.1"], port: 0, hostName: nil, limits: limits, mayListen: { _ in true }),
    handler: WebDoor(broadcast, name: "tone", source: "a tone"))
  do {
    try await body("http://127.0.0.1:\(service.port)")
    await service.stop()
    broadcast.stop()
  } catch {
    await service.stop()
    broadcast.stop()
    throw error
  }
}

struct BroadcastListenerTests {
  @Test func aToneIsJoinedReadAndLeft() async throws {
    try await withTone { address in
      let connections = Mutex(0)
      let listener = try BroadcastListener(address, to: .reader, delay: .milliseconds(200)) {
        event in
        if case .connected = event { connections.withLock { $0 += 1 } }
      }
      var block = [Float](repeating: 0, count: 2 * 480)
      var heard = 0
      let clock = ContinuousClock()
      var next = clock.now
      let end = next + .seconds(120)
      var statistics = listener.statistics
      // Until a second of the tone has been heard; as long as it takes.
      while heard < 100 || !statistics.isPlaying, next < end {
        next = max(next + .milliseconds(10), clock.now)
        try await clock.sleep(until: next)
        statistics = listener.statistics
        var samples = block.mutableSpan
        listener.read(into: &samples)
        if block.contains(where: { abs($0) > 0.05 }) { heard += 1 }
      }
      listener.leave()
      listener.leave()
      #expect(heard >= 100)
      #expect(connections.withLock { $0 } == 1)
      #expect(statistics.isPlaying && statistics.packets > 50)
      #expect(statistics.level > -30 && statistics.delay != nil && statistics.packet != nil)
      #expect(statistics.needed != nil && statistics.clockError != nil)
      var samples = block.mutableSpan
      listener.read(into: &samples)
    }
  }

  @Test func whatMakesNoSenseIsRefusedInASentence() {
    for (address, delay) in [("nowhere", nil), ("http://127.0.0.1", Duration.zero)] {
      #expect {
        try BroadcastListener(address, to: .reader, delay: delay)
      } throws: {
        ($0 as? BroadcastListener.Failure)?.description.hasSuffix(".") == true
      }
    }
  }
}
