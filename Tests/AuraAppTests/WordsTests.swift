import Testing

@testable import AuraApp

struct WordsTests {
  @Test func counts() {
    #expect(Words.count(0, "listener") == "0 listeners")
    #expect(Words.count(1, "listener") == "1 listener")
  }

  @Test(arguments: [
    (0, "0:00"), (7, "0:07"), (751, "12:31"), (3723, "1:02:03"), (36_000, "10:00:00"),
  ])
  func clocks(seconds: Int, text: String) {
    #expect(Words.clock(.seconds(seconds)) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (352_972, "353.0 kB"), (999_960, "1.0 MB"),
    (1_234_567_890, "1.2 GB"), (5_000_000_000_000_000, "5000.0 TB"),
  ])
  func byteCounts(count: Int, text: String) {
    #expect(Words.bytes(count) == text)
  }

  @Test func decimals() {
    #expect(Words.decimal(0.05) == "0.1")
    #expect(Words.decimal(-0.52) == "-0.5")
    #expect(Words.decimal(440) == "440.0")
  }

  @Test func theBarIsAlwaysAsWide() {
    for decibels in [-200.0, -96, -60, -30, -0.4, 0, 6] {
      #expect(LevelBar.text(decibels: decibels).count == 29, "\(decibels) dB")
    }
  }
}
