import AuraHost
import Testing

@Suite struct NeighbourTableTests {
  @Test func aCrowdNearTheLimitIsTold() {
    let table = NeighbourTable(limit: 1024)
    #expect(table.warning(forListeners: 819) == nil)
    #expect(
      table.warning(forListeners: 820)?.contains(
        "gc_thresh3=8192 net.ipv4.neigh.default.gc_thresh2=4096`")
        == true)
    #expect(table.warning(forListeners: 5_000)?.contains("gc_thresh3=32768") == true)
    #expect(NeighbourTable(limit: nil).warning(forListeners: 100_000) == nil)
  }

  @Test func thisComputerSays() {
    #expect(NeighbourTable.current.limit.map { $0 > 0 } == true)
  }
}
