import Testing

@testable import AuraApp

struct HostKeyTests {
  @Test(arguments: [
    ("f", HostKey.film), ("l", .live), ("+", .later), ("=", .later), ("-", .sooner),
  ])
  func keys(text: String, key: HostKey) {
    #expect(text.utf8.map(HostKey.init) == [key])
  }

  /// Arrows, Home, End and function keys, as terminals send them: none of their bytes may mean something.
  static let meaningless = [
    "\u{1B}[A", "\u{1B}[B", "\u{1B}[C", "\u{1B}[D", "\u{1B}OF", "\u{1B}[H", "\u{1B}OP",
    "\u{1B}[15~", "\u{1B}[1;5D", " ", "\n", "F", "L", "é",
  ]

  @Test(arguments: meaningless)
  func otherKeys(text: String) {
    #expect(text.utf8.compactMap(HostKey.init).isEmpty)
  }
}
