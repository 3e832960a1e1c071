import AuraHost
import AuraStream
import AuraWeb
import Testing

@testable import AuraBench

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

  @Test func aServersPatienceIsNoLongerThanTheRun() throws {
    var plan = try plan("http://127.0.0.1:9/whep/x")
    #expect(plan.wait(1, passed: .zero) == .seconds(1))
    #expect(plan.wait(5, passed: .seconds(10)) == .seconds(5))
    #expect(plan.wait(5, passed: .seconds(11)) == nil)
    #expect(plan.wait(3_600, passed: .zero) == nil)
    plan.duration = .seconds(7_200)
    #expect(plan.wait(3_600, passed: .zero) == .seconds(3_600))
    #expect(plan.wait(3_600, passed: .seconds(3_700)) == nil)
  }

  @Test func whatHasNoNumberIsUnsent() {
    let spread = BenchReport.Spread(count: 0, median: 0, p90: 0, p99: 0, p999: 0, most: 0)
    var report = BenchReport(
      joining: spread, seconds: 1, gaps: spread, baseline: spread, load: 0, longestRound: 0,
      longestOversleep: 0)
    #expect(report.unsent == 0 && report.unsentShare == 0)
    (report.due, report.expected, report.received) = (200, 150, 150)
    #expect(report.unsent == 50 && report.unsentShare == 0.25 && report.loss == 0)
  }

  @Test func whoIsTooSlowToMeasureSaysSo() {
    let gaps = BenchReport.Spread(count: 9, median: 20, p90: 20, p99: 20, p999: 20, most: 20)
    func isBottleneck(load: Double, round: Double) -> Bool {
      BenchReport(
        joining: gaps, seconds: 1, gaps: gaps, baseline: gaps, load: load, longestRound: round,
        longestOversleep: 0
      ).isBottleneck
    }
    #expect(!isBottleneck(load: 0.9, round: 10))
    #expect(isBottleneck(load: 0.91, round: 0) && isBottleneck(load: 0, round: 10.1))
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
