import AuraBench
import AuraHost
import AuraStream
import AuraWeb
import Testing

@Suite struct BenchTests {
  private func plan(_ text: String) throws -> BenchPlan {
    BenchPlan(
      .whep(try #require(WHEPAddress(text))), listeners: 3, joinRate: 100,
      duration: .milliseconds(200))
  }

  @Test func onlyThisComputerIsOurOwn() throws {
    let interfaces = NetworkInterfaces(
      interfaces: [
        NetworkInterface(
          name: "eth0", isUp: true, isLoopback: false,
          addresses: [
            .init(
              try #require(IPAddress("192.0.2.5")), network: try #require(IPNetwork("192.0.2.0/24"))
            )
          ])
      ], defaultRouteNames: [])
    for own in ["127.0.0.1", "127.9.9.9", "localhost", "::1", "192.0.2.5"] {
      #expect(BenchPlan.isOwn(own, interfaces), "\(own)")
    }
    for other in ["192.0.2.6", "example.org", "2001:db8::1"] {
      #expect(!BenchPlan.isOwn(other, interfaces), "\(other)")
    }
  }

  @Test func aServerThatIsNotThereIsToldOf() async throws {
    let report = try await BenchRun(plan("http://127.0.0.1:9/whep/x")).run()
    #expect(report.asked == 3 && report.joined == 0 && report.stayed == 0)
    #expect(report.failures.values.reduce(0, +) == 3)
    #expect(report.failures.keys.allSatisfy { $0.contains("refused") })
    #expect(report.loss == 0 && report.fairness == 1)
  }

  @Test func anOriginalServerThatIsNotThereIsToldOf() async throws {
    let plan = BenchPlan(
      .original(host: "127.0.0.1", port: 9), listeners: 3, joinRate: 100,
      duration: .milliseconds(200))
    let report = try await BenchRun(plan).run()
    #expect(report.asked == 3 && report.joined == 0 && report.stayed == 0)
    #expect(report.failures.values.reduce(0, +) == 3)
  }
}
