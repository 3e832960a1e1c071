import AuraHost
import Testing

@Suite struct HostCapacityTests {
  private var usual: HostCapacity {
    HostCapacity(
      neighbours: 1024, unresolvedBytes: 212_992, sendBuffer: 212_992, receiveBuffer: 212_992,
      openFiles: 1_048_576, mayUseRealTime: false, isLimited: true)
  }

  private func kinds(_ capacity: HostCapacity, _ listeners: Int) -> [HostCapacity.Shortfall.Kind] {
    capacity.shortfalls(forListeners: listeners).map(\.kind)
  }

  @Test func eachMattersFromItsOwnNumberOn() {
    #expect(kinds(usual, 199) == [])
    #expect(kinds(usual, 200) == [.sendBuffer, .realTime])
    #expect(kinds(usual, 818) == [.sendBuffer, .realTime])
    #expect(kinds(usual, 819) == [.neighbours, .sendBuffer, .realTime])
    #expect(kinds(usual, 1_000) == [.neighbours, .sendBuffer, .receiveBuffer, .realTime])
  }

  @Test func aWellSetComputerHasNothingToBeTold() {
    var good = usual
    good.neighbours = 65_536
    good.sendBuffer = 425_984
    good.receiveBuffer = 1 << 20
    good.mayUseRealTime = true
    #expect(kinds(good, 50_000) == [])
    good.openFiles = 1_024
    #expect(kinds(good, 895) == [])
    #expect(kinds(good, 896) == [.files])
    #expect(kinds(good, 60_000) == [.neighbours, .files])
  }

  @Test func everySentenceHasItsRemedy() {
    for shortfall in usual.shortfalls(forListeners: 5_000) {
      #expect(shortfall.sentence.contains("`"))
      #expect(shortfall.sentence.hasSuffix("."))
      #expect(!shortfall.sentence.contains("\n"))
    }
    let neighbours = usual.shortfalls(forListeners: 5_000).first
    #expect(
      neighbours?.sentence.contains("gc_thresh3=32768 net.ipv4.neigh.default.gc_thresh2=16384")
        == true)
  }

  @Test func thisComputerAnswers() {
    #expect(HostCapacity.current.openFiles > 0)
    #expect(LinkSpeed.megabits(of: "../../etc") == nil)
    #expect(LinkSpeed.megabits(of: "no-such-interface") == nil)
  }
}
