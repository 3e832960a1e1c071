internal import Testing

@testable internal import AuraApp

@Suite struct HeadphoneOffsetsTests {
  @Test func whatIsWrittenIsRead() {
    var offsets = HeadphoneOffsets("200 a headphone\n-30 b\n")
    #expect(offsets["a headphone"] == 200 && offsets["b"] == -30)
    #expect(offsets["c"] == nil && offsets[nil] == nil)
    offsets.set(0, for: "b")
    offsets.set(90, for: "c")
    #expect(HeadphoneOffsets(offsets.text) == offsets)
    #expect(offsets.text == "200 a headphone\n90 c\n")
  }

  /// A device may be called anything; a line holds one name.
  @Test func aNameThatIsNoLineIsFoundAgain() {
    var offsets = HeadphoneOffsets("")
    offsets.set(90, for: "a\nb")
    #expect(offsets["a\nb"] == 90)
    #expect(HeadphoneOffsets(offsets.text)["a\nb"] == 90)
  }

  @Test(arguments: ["x a", "501 a", "200", "\u{0}", "200  "])
  func linesThatAreNoneAreLeftOut(_ line: String) {
    #expect(HeadphoneOffsets("\(line)\n7 b")["b"] == 7)
    #expect(HeadphoneOffsets(line)["a"] == nil)
  }
}
