import AuraListener
import Testing

@testable import AuraApp

struct ListenPlanTests {
  private func plan(_ text: String, _ options: (SettingName, String)...) throws -> ListenPlan {
    let settings = try Settings.resolved(
      for: .listen, options: options.map { (name: $0.0, value: $0.1) }, environment: [:])
    return try ListenPlan(text, settings)
  }

  @Test func theBestWayIsLookedForInThisOrder() throws {
    let bare = try plan("film.local")
    #expect(bare.webPorts == [8080] && bare.server.port == 5555)
    let told = try plan("film.local:6000")
    #expect(told.webPorts == [6000, 8080] && told.server.port == 6000)
    #expect(try plan("film.local", (.port, "6000")).webPorts == [6000, 8080])
    #expect(try plan("film.local:8080").webPorts == [8080])
  }

  @Test func aProtocolMayBeForced() throws {
    #expect(try plan("a").target == .search(host: "a", webPorts: [8080], originalPort: 5555))
    let original = try plan("a", (.protocolChoice, "original"))
    #expect(original.target == .original(host: "a", port: 5555))
    let whep = (SettingName.protocolChoice, "whep")
    #expect(try plan("a", whep).target == .web(host: "a", port: 8080))
    #expect(try plan("a:81", whep).target == .web(host: "a", port: 81))
  }

  @Test func anAddressOfTheWebIsWHEP() throws {
    #expect(try plan("http://[::1]:81/whep/main").target == .url("http://[::1]:81/whep/main"))
    #expect(try plan("http://a:81").target == .url("http://a:81/"))
    #expect(try plan("https://a").target == .url("https://a/"))
  }

  @Test func whatIsNoAddressIsRefused() {
    #expect(throws: UserError.self) { try plan("ftp://a") }
    #expect(throws: UserError.self) { try plan("http://a", (.protocolChoice, "original")) }
    #expect(throws: UserError.self) { try plan("a", (.minDelay, "200"), (.maxDelay, "100")) }
  }

  private func options(_ options: (SettingName, String)...) throws -> BroadcastListener.Options {
    try Settings.resolved(
      for: .listen, options: options.map { (name: $0.0, value: $0.1) }, environment: [:]
    ).listenOptions(.pulse)
  }

  @Test func aDelayIsFixedOrWithinBounds() throws {
    #expect(try options().delay == nil)
    #expect(try options((.delay, "120")).delay == .milliseconds(120))
    let free = try options((.minDelay, "40"))
    #expect(free.delayBounds == .milliseconds(40) ... .milliseconds(2_000) && free.delay == nil)
  }

  @Test func whatWasSaidReachesTheListener() throws {
    var all = BroadcastListener.Options()
    #expect(
      try Settings.resolved(for: .listen, options: [], environment: [:]).listenOptions(nil) == all)
    all.soundServer = .pulse
    #expect(try options() == all)
    all.output = .device("ear")
    all.codec = .uncompressed
    (all.volume, all.balance, all.isMono) = (150, -20, true)
    all.buffer = .milliseconds(30)
    all.recording = .init(to: "a.wav", replaces: true)
    let told = try options(
      (.output, "ear"), (.codec, "pcm"), (.volume, "150"), (.balance, "-20"), (.isMono, "true"),
      (.buffer, "30"), (.record, "a.wav"), (.overwrite, "true"))
    #expect(told == all)
    #expect(try options((.output, "null")).output == .nothing)
  }
}
