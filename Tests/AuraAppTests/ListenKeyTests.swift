import Testing

@testable import AuraApp

struct ListenKeyTests {
  @Test(arguments: [("+", ListenKey.more), ("=", .more), ("-", .less)])
  func keys(text: String, key: ListenKey) {
    #expect(text.utf8.map(ListenKey.init) == [key])
  }

  /// Arrows, Home, End and function keys, as terminals send them: none of their bytes may mean something.
  @Test(arguments: [
    "\u{1B}[A", "\u{1B}[B", "\u{1B}[C", "\u{1B}[D", "\u{1B}OF", "\u{1B}[H", "\u{1B}OP",
    "\u{1B}[15~", "\u{1B}[1;5D", " ", "\n", "f", "l", "é",
  ])
  func otherKeys(text: String) {
    #expect(text.utf8.compactMap(ListenKey.init).isEmpty)
  }

  @Test func whatIsNotRememberedIsNotSaidToBe() {
    #expect(ListenKey.help(isRemembered: true).contains("remembered"))
    #expect(!ListenKey.help(isRemembered: false).contains("remembered"))
  }
}
