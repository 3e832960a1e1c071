import AuraAudio
import AuraHost
import AuraStream
import Synchronization
import Testing

@testable import AuraPipelines

struct StreamSupervisorTests {
  private final class FakeStream: SoundStream {
    let stops = Atomic<Int>(0)
    let report: @Sendable (StreamEvent) -> Void

    init(_ report: @escaping @Sendable (StreamEvent) -> Void) { self.report = report }

    func stop() { stops.wrappingAdd(1, ordering: .relaxed) }
  }

  /// A sound server that can be switched off.
  private final class FakeServer: Sendable {
    let streams = Mutex<[FakeStream]>([])
    let isThere = Atomic<Bool>(true)
    let events = Mutex<[StreamEvent]>([])
    let wakeUp = WakeUp()

    func make(
      _ report: @escaping @Sendable (StreamEvent) -> Void
    ) throws(SoundError) -> any SoundStream {
      guard isThere.load(ordering: .acquiring) else {
        throw SoundError(.noServer, "No server.")
      }
      let stream = FakeStream(report)
      streams.withLock { $0.append(stream) }
      wakeUp.signal()
      return stream
    }

    func supervisor() throws -> StreamSupervisor {
      try StreamSupervisor(
        name: "test",
        make: { (report) throws(SoundError) in try self.make(report) },
        onEvent: { event in self.events.withLock { $0.append(event) } })
    }

    func waitForStreams(_ count: Int) -> Bool {
      let deadline = HostClock.now + .seconds(10)
      while HostClock.now < deadline {
        if streams.withLock({ $0.count }) >= count { return true }
        wakeUp.wait(timeout: .milliseconds(500))
      }
      return false
    }
  }

  @Test func anEndIsFollowedByANewStream() throws {
    let server = FakeServer()
    let supervisor = try server.supervisor()
    let first = server.streams.withLock { $0[0] }
    first.report(.running(device: "a"))
    server.isThere.store(false, ordering: .releasing)
    first.report(.ended(reason: "gone"))
    first.report(.running(device: "late"))
    server.isThere.store(true, ordering: .releasing)
    #expect(server.waitForStreams(2))
    server.streams.withLock { $0[1] }.report(.running(device: "b"))
    supervisor.stop()
    #expect(
      server.events.withLock { $0 }
        == [.running(device: "a"), .ended(reason: "gone"), .running(device: "b")])
    #expect(server.streams.withLock { $0.map { $0.stops.load(ordering: .relaxed) } } == [1, 1])
  }

  @Test func aFirstFailureIsTheCallers() {
    let server = FakeServer()
    server.isThere.store(false, ordering: .releasing)
    #expect(throws: SoundError.self) { try server.supervisor() }
  }

  @Test func stoppingWhileTheServerIsAwayDoesNotHang() throws {
    let server = FakeServer()
    let supervisor = try server.supervisor()
    server.isThere.store(false, ordering: .releasing)
    server.streams.withLock { $0[0] }.report(.ended(reason: "gone"))
    let before = HostClock.now
    supervisor.stop()
    #expect(HostClock.now - before < .seconds(5))
    #expect(server.streams.withLock { $0[0].stops.load(ordering: .relaxed) } == 1)
  }
}
