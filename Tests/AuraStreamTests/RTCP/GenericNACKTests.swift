import AuraStream
import Testing

struct GenericNACKTests {
  private static func request(_ lost: [UInt16]) -> GenericNACK {
    GenericNACK(senderSSRC: 1, mediaSSRC: 2, lost: lost)
  }

  @Test func theMaskCountsFromItsLowestBit() {
    let request = GenericNACK(
      senderSSRC: 1, mediaSSRC: 2,
      entries: [.init(packetID: 100, followingLost: 0b1000_0000_0000_0101)])
    #expect(Array(request.lost) == [100, 101, 103, 116])
  }

  @Test func numbersArePackedAndWrap() {
    #expect(
      Self.request([65_530, 65_535, 0, 10]).entries == [
        .init(packetID: 65_530, followingLost: 0b1000_0000_0011_0000)
      ])
    #expect(
      Self.request([5, 21, 22]).entries == [
        .init(packetID: 5, followingLost: 0x8000), .init(packetID: 22, followingLost: 0),
      ])
  }

  @Test(arguments: [UInt64](1...50))
  func anyAscendingNumbersSurviveTheRoundTrip(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var number = UInt16.random(in: 0...(.max), using: &random)
    let lost = (0..<60).map { _ -> UInt16 in
      number &+= .random(in: 1...30, using: &random)
      return number
    }
    #expect(Array(Self.request(lost).lost) == lost)
  }

  @Test func aRequestIsBounded() {
    let request = Self.request((0..<200).map { $0 * 20 })
    #expect(request.entries.count == GenericNACK.mostEntries)
    var bytes: [UInt8] = []
    request.append(to: &bytes)
    #expect(bytes.count == 12 + 4 * GenericNACK.mostEntries)
  }

  @Test func askingTwiceIsOneEntry() {
    #expect(Array(Self.request([7, 7, 8, 8]).lost) == [7, 8])
  }
}
