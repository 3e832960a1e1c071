import AuraCrypto
import AuraStream
import Foundation
import Testing

private let isMeasuring = ProcessInfo.processInfo.environment["AURALYNC_MEASURE"] != nil

/// What joining and being protected cost, for docs/measurements.md: measured only when asked for.
@Suite(.serialized, .enabled(if: isMeasuring)) struct CostTests {
  @Test(arguments: SRTPProfile.allCases, [1, 5000])
  func protection(profile: SRTPProfile, listeners: Int) throws {
    let payload = 200
    let senders = try (0..<listeners).map { _ in
      try Owned(SRTPSender(keys: makeKeys(profile), ssrc: testSource))
    }
    let template = rtp(0, payload: [UInt8](repeating: 3, count: payload))
    var packet = template + [UInt8](repeating: 0, count: 16)
    let rounds = 2_000_000 / listeners
    var nanoseconds: [Double] = []
    for run in 0..<5 {
      let watch = ContinuousClock()
      let first = run * rounds
      let elapsed = try watch.measure {
        for round in first..<first + rounds {
          for sender in senders {
            // Each packet written anew, as the fan-out does.
            try unsafe packet.withUnsafeMutableBytes { packet in
              unsafe template.withUnsafeBytes { unsafe packet.copyMemory(from: $0) }
              unsafe packet[2] = UInt8(truncatingIfNeeded: round >> 8)
              unsafe packet[3] = UInt8(truncatingIfNeeded: round)
              _ = try unsafe sender.value.protect(packet, length: packet.count - 16)
            }
          }
        }
      }
      nanoseconds.append(Double(elapsed.components.attoseconds) / 1e9 / 2e6)
      nanoseconds[run] += Double(elapsed.components.seconds) * 1e9 / 2e6
    }
    nanoseconds.sort()
    print(
      "\(profile), \(listeners) listeners, \(payload)-byte payload:",
      "median \(Int(nanoseconds[2])) ns, \(Int(nanoseconds[0])) to \(Int(nanoseconds[4])) ns a packet"
    )
  }

  @Test(arguments: SRTPProfile.allCases)
  func preparation(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    let elapsed = try ContinuousClock().measure {
      for _ in 0..<10_000 { _ = try SRTPSender(keys: keys, ssrc: 1) }
    }
    print("\(profile): \(elapsed / 10_000) to prepare a sender")
  }

  /// The server's half of a handshake, and what a listener's handshake keeps in memory after it.
  @Test func joining() throws {
    let identity = try DTLSIdentity()
    let now = HostTime(nanoseconds: 0)
    let count = 1000
    var servers: [Server] = []
    var spent = Duration.zero
    let before = try memory()
    for _ in 0..<count {
      let client = try DTLSClient()
      let server = try Server(
        DTLSHandshake(identity: identity, peerFingerprint: client.fingerprint(), now: now))
      client.receive()
      for _ in 0..<2 {
        for datagram in client.datagrams() {
          spent += ContinuousClock().measure {
            _ = unsafe server.value.receive(datagram.span.bytes, now: now)
          }
        }
        while let datagram = server.value.nextDatagram() { client.receive(datagram) }
      }
      guard case .established = server.value.state else {
        Issue.record("not established")
        return
      }
      servers.append(server)
    }
    print(
      "\(spent / count) and \((try memory() - before) / count) kB for a listener's keys by DTLS")
  }

  /// Kilobytes of memory in use.
  private func memory() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(
      separator: " ")
    return try #require(Int(pages[1])) * 4
  }

  private final class Server {
    var value: DTLSHandshake
    init(_ value: consuming DTLSHandshake) { self.value = value }
  }

  private final class Owned {
    var value: SRTPSender
    init(_ value: consuming SRTPSender) { self.value = value }
  }
}
