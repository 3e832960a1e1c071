import AuraStream
import Testing

struct LatenessTests {
  @Test func itIsToldOnceAndOnceWhenItIsOver() {
    var rule = LatenessRule()
    var news: [Duration?] = []
    for late in [0, 300, 310, 320, 0, 330, 0, 10, 0, 0, 40, 0, 0] {
      if rule.note(.milliseconds(late)) { news.append(rule.told) }
    }
    #expect(news == [.milliseconds(310), nil])
  }

  @Test func whoIsInTimeIsToldNothing() {
    var rule = LatenessRule()
    for late in [0, 20, 5, 20, 0, 100, 0, 100, 20] {
      let isNews = rule.note(.milliseconds(late))
      #expect(!isNews)
    }
    #expect(rule.told == nil)
  }
}
