import AuraStream
import Testing

struct HoldTests {
  private static let start = HostTime(nanoseconds: 9_000_000_000)

  /// The heart of it: whatever is wanted, each packet goes out once, and in its order.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func everyPacketGoesOutOnceInOrder(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var hold = PacketHold()
    var next = 0
    for newest in 0..<20_000 {
      if Int.random(in: 0..<200, using: &generator) == 0 {
        hold.aim(at: .milliseconds(Int.random(in: -100...3_000, using: &generator)))
      }
      let now = Self.start + .milliseconds(20 * newest)
      let due = hold.due(packetFrames: 960, available: min(newest + 1, 128), now: now)
      #expect(due.count <= 2)
      for behind in due.reversed() {
        #expect(newest - behind == next)
        next += 1
      }
      #expect(hold.packets <= 100)
    }
    #expect(next > 19_800)
  }

  @Test func aHoldMovesByOnePacketASecond() {
    var hold = PacketHold()
    hold.aim(at: .milliseconds(200))
    var places: [Int] = []
    for newest in 0..<1_000 {
      _ = hold.due(
        packetFrames: 960, available: min(newest + 1, 128),
        now: Self.start + .milliseconds(20 * newest))
      places.append(hold.packets)
    }
    #expect(places.last == 10)
    for second in 1..<15 { #expect(places[50 * second] - places[50 * (second - 1)] <= 1) }
  }

  @Test func whoJoinsIsAtItsPlaceAtOnce() {
    var hold = PacketHold(PacketStart(.server, delay: .milliseconds(250)))
    let due = hold.due(packetFrames: 960, available: 128, now: Self.start)
    #expect(due == 7..<8)
    #expect(PacketStart(.server) == .newest)
    #expect(PacketStart(.server, delay: .milliseconds(60)) == .newest)
    #expect(PacketStart(.listener, delay: .milliseconds(250)) == .newest)
    var young = PacketHold(PacketStart(.server, delay: .milliseconds(310)))
    let first = young.due(packetFrames: 960, available: 1, now: Self.start)
    #expect(first == 0..<1)
  }

  /// What is older goes out in one go, and the newest ones one by one after it.
  @Test(arguments: [3, 128])
  func aBacklogComesAtOnce(available: Int) {
    let passing = PacketKeeping.listenerFromStart(passing: .milliseconds(60))
    var hold = PacketHold(PacketStart(passing, delay: .milliseconds(260)))
    let first = hold.due(packetFrames: 960, available: available, now: Self.start)
    #expect(first == 0..<min(available, 11))
    for number in 1..<100 {
      let due = hold.due(
        packetFrames: 960, available: 128, now: Self.start + .milliseconds(20 * number))
      #expect(due == 0..<1)
    }
    #expect(PacketStart(passing, delay: .milliseconds(50)) == .newest)
    #expect(PacketStart(passing) == .newest)
  }

  /// Whoever cannot hold hears with everyone else after some reports, and stays there.
  @Test(arguments: [60, 130, 240, 400])
  func theHoldMakesUpWhatIsMissing(own: Int) {
    var rule = HoldRule(since: Self.start)
    var hold = PacketHold()
    var now = Self.start
    var heard: [Duration] = []
    for newest in 0..<6_000 {
      now = Self.start + .milliseconds(20 * newest)
      _ = hold.due(packetFrames: 960, available: min(newest + 1, 128), now: now)
      let delay = Duration.milliseconds(own + 20 * hold.packets)
      heard.append(delay)
      if newest % 250 == 100 {
        rule.take(ListenerReport(delay: delay), delay: .milliseconds(250), now: now)
        hold.aim(at: rule.hold)
      }
    }
    let wanted = Duration.milliseconds(max(own, 250))
    for delay in heard.dropFirst(2_000) {
      #expect(delay >= wanted - .milliseconds(20) && delay <= wanted + .milliseconds(20))
    }
  }

  /// It is corrected from the first report on, by no more than has come by the next.
  @Test(arguments: [(0, 0), (5, 75), (20, 75)])
  func theFirstReportCorrects(after seconds: Int, held: Int) {
    var rule = HoldRule(.milliseconds(140), since: Self.start)
    rule.take(
      ListenerReport(delay: .milliseconds(100)), delay: .milliseconds(250),
      now: Self.start + .seconds(seconds))
    #expect(rule.hold == .milliseconds(140 + held))
    rule = HoldRule(since: Self.start)
    rule.take(
      ListenerReport(delay: .milliseconds(100)), delay: .milliseconds(1_000),
      now: Self.start + .seconds(seconds))
    #expect(rule.hold == .milliseconds(min(100, 20 * seconds)))
  }

  /// A browser's own buffer lets the hold through slowly, and leaves alone what is 8 ms below its place to 15 above it,
  /// as measured (docs/measurements.md); what is told scatters.
  @Test(arguments: 1...6 as ClosedRange<UInt64>, [10.0, 60])
  func aSluggishBrowserComesThereAndStays(seed: UInt64, speed: Double) {
    var dice = SeededGenerator(seed: seed)
    let own = Double.random(in: 5...40, using: &dice)
    let depth = Double.random(in: 40...90, using: &dice)
    let wanted = Double([250, 400, 1_000].randomElement(using: &dice) ?? 250)
    var rule = HoldRule(since: Self.start)
    var hold = PacketHold()
    var heard = own + depth
    var late: [Double] = []
    var holds: [Int] = []
    let end = 50 * 240
    for newest in 0..<end {
      let now = Self.start + .milliseconds(20 * newest)
      _ = hold.due(packetFrames: 960, available: min(newest + 1, 128), now: now)
      let arrival = own + Double(20 * hold.packets)
      heard = max(heard, arrival)
      let level = heard - arrival
      if level < depth - 8 { heard += 0.02 * speed }
      if level > depth + 15 { heard -= 0.02 * speed }
      if newest % 250 == 100 {
        let told = heard + Double.random(in: -5...5, using: &dice)
        rule.take(
          ListenerReport(delay: .nanoseconds(Int64(told * 1e6))),
          delay: .milliseconds(Int(wanted)), now: now)
        hold.aim(at: rule.hold)
      }
      guard newest > end / 2 else { continue }
      late.append(heard - wanted)
      holds.append(hold.packets)
    }
    let story: Comment = "own \(own), depth \(depth), wanted \(wanted)"
    let range = (late.min() ?? .nan)...(late.max() ?? .nan)
    #expect(range.lowerBound > -10 && range.upperBound < 10, "\(range), \(story)")
    // No limit cycle: what is told scatters, and what is let be is wider.
    #expect((holds.max() ?? 0) - (holds.min() ?? 0) <= 1, story)
    #expect(zip(holds, holds.dropFirst()).count { $0 != $1 } <= 2, story)
  }

  /// The need of a listener that cannot hold does not follow the delay that it is held to, or nobody
  /// would ever be waited for less long.
  @Test(arguments: [250, 400, 1_000])
  func whatIsHeldIsNoNeed(delay: Int) throws {
    var automatic = AutomaticDelay(cap: .milliseconds(1_000), delay: .milliseconds(delay))
    var rule = HoldRule(PacketStart.hold(for: automatic.delay), since: Self.start)
    var hold = PacketHold(PacketStart(.server, delay: automatic.delay))
    var delays: [Duration] = []
    for newest in 0..<15_000 {
      let now = Self.start + .milliseconds(20 * newest)
      _ = hold.due(packetFrames: 960, available: min(newest + 1, 128), now: now)
      guard newest % 250 == 249 else { continue }
      // 60 ms on the way and at the output, 50 in the browser's buffer, which could do with 30.
      let kept = Duration.milliseconds(20 * hold.packets)
      rule.take(
        ListenerReport(delay: .milliseconds(110) + kept, needed: .milliseconds(90) + kept),
        delay: automatic.delay, now: now)
      hold.aim(at: rule.hold)
      delays.append(automatic.update(needs: [rule.needed].compactMap(\.self), now: now))
    }
    // 90, 20 more to be sure, and packets are 20 long.
    #expect(try #require(delays.last) <= .milliseconds(130), "\(delays)")
    #expect(delays.allSatisfy { $0 <= .milliseconds(delay) }, "\(delays)")
  }

  @Test func theNeedOfWhoHoldsItselfIsItsOwn() {
    var rule = HoldRule(.milliseconds(140), since: Self.start)
    rule.take(
      ListenerReport(delay: .milliseconds(250), needed: .milliseconds(120), holds: true),
      delay: .milliseconds(250), now: Self.start + .seconds(5))
    #expect(rule.needed == .milliseconds(120) && rule.hold == .zero)
    // What it was given before is on its way for some seconds yet.
    rule.take(
      ListenerReport(delay: .milliseconds(150), needed: .milliseconds(120)), delay: nil,
      now: Self.start + .seconds(7))
    #expect(rule.needed == .milliseconds(20))
    rule.take(
      ListenerReport(delay: .milliseconds(110), needed: .milliseconds(90)), delay: nil,
      now: Self.start + .seconds(20))
    #expect(rule.needed == .milliseconds(90))
    rule.take(ListenerReport(), delay: nil, now: Self.start + .seconds(21))
    #expect(rule.needed == nil)
  }

  @Test func nothingIsHeldForWhoHoldsItselfOrLive() {
    var rule = HoldRule(since: Self.start)
    for second in 0..<20 {
      rule.take(
        ListenerReport(delay: .milliseconds(50)), delay: .milliseconds(250),
        now: Self.start + .seconds(second))
    }
    #expect(rule.hold > .milliseconds(150))
    var holding = rule
    holding.take(
      ListenerReport(delay: .milliseconds(50), holds: true), delay: .milliseconds(250),
      now: Self.start + .seconds(20))
    #expect(holding.hold == .zero)
    rule.take(
      ListenerReport(delay: .milliseconds(50)), delay: nil, now: Self.start + .seconds(20))
    #expect(rule.hold == .zero)
  }

  private func notice(_ plan: PresentationPlan) -> PresentationNotice {
    PresentationNotice(plan, timestamp: 0)
  }

  private func film(_ delay: Int, number: UInt8, isAtPause: Bool = false) -> PresentationPlan {
    PresentationPlan(
      number: number, mode: .film, first: .milliseconds(delay), isAtPause: isAtPause)
  }

  /// A player that says nothing is taken for a browser, and follows the plan by a packet a second.
  @Test func whoSaysNothingFollowsThePlan() {
    let plans: [(from: Int, plan: PresentationPlan)] = [
      (0, PresentationPlan(number: 1, mode: .live, first: .milliseconds(250))),
      (500, film(250, number: 2)), (1_500, film(400, number: 3)),
      (3_000, PresentationPlan(number: 4, mode: .live, first: .milliseconds(400))),
    ]
    var hold = PacketHold(PacketStart(.unknown))
    var places: [Int] = []
    for newest in 0..<4_500 {
      guard let plan = plans.last(where: { $0.from <= newest })?.plan else { break }
      hold.note(notice(plan))
      _ = hold.due(
        packetFrames: 960, available: min(newest + 1, 128),
        now: Self.start + .milliseconds(20 * newest))
      places.append(hold.packets)
    }
    #expect(places[499] == 0 && places[1_499] == 7 && places[2_999] == 15)
    #expect(places.last == 0)
    for second in 1..<90 { #expect(abs(places[50 * second - 1] - places[50 * second - 50]) <= 1) }
  }

  @Test(arguments: [(250, 1_000), (1_000, 250), (2_000, 1_000)])
  func inAPauseWhoSaysNothingFollowsAtOnce(from: Int, to: Int) {
    var hold = PacketHold(PacketStart(.unknown, delay: .milliseconds(from)))
    var next = 0
    for newest in 0..<400 {
      hold.note(notice(newest < 200 ? film(from, number: 1) : film(to, number: 2, isAtPause: true)))
      let due = hold.due(
        packetFrames: 960, available: 128, now: Self.start + .milliseconds(20 * newest))
      if newest == 0 { next = newest - due.upperBound + 1 }
      for behind in due.reversed() {
        #expect(newest - behind == next)
        next += 1
      }
      let wanted = PacketStart.hold(for: .milliseconds(newest < 200 ? from : to)).inMilliseconds
      let moving = newest >= 200 && newest < 200 + max(0, (to - from) / 20)
      if !moving { #expect(abs(Double(20 * hold.packets) - wanted) <= 10) }
    }
  }

  @Test func whoTellsFollowsNoPlan() {
    var hold = PacketHold(PacketStart(.unknown, delay: .milliseconds(250)))
    hold.note(notice(film(250, number: 1)))
    _ = hold.due(packetFrames: 960, available: 128, now: Self.start)
    hold.aim(at: .zero)
    for newest in 1..<1_000 {
      hold.note(notice(film(1_000, number: 2, isAtPause: true)))
      _ = hold.due(
        packetFrames: 960, available: 128, now: Self.start + .milliseconds(20 * newest))
    }
    #expect(hold.packets == 0)
    // Nor does who says from the beginning that it keeps sound itself.
    var listener = PacketHold(PacketStart(.listener, delay: .milliseconds(250)))
    listener.note(notice(film(250, number: 1)))
    let due = listener.due(packetFrames: 960, available: 128, now: Self.start)
    #expect(due == 0..<1)
  }
}
