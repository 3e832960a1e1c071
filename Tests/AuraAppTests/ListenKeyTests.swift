import Testing

@testable import AuraApp

struct ListenKeyTests {
  @Test(arguments: [("+", ListenKey.more), ("=", .more), ("-", .less)])
  func keys(text: String, key: ListenKey) {
    #expect(text.utf8.map(ListenKey.init) == [key])
  }

  @Test(arguments: HostKeyTests.meaningless + ["f", "l"])
  func otherKeys(text: String) {
    #expect(text.utf8.compactMap(ListenKey.init).isEmpty)
  }

  @Test func whatIsNotRememberedIsNotSaidToBe() {
    #expect(ListenKey.help(isRemembered: true).contains("remembered"))
    #expect(!ListenKey.help(isRemembered: false).contains("remembered"))
  }
}
