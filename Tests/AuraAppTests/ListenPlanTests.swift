import AuraPipelines
import AuraStream
import AuraWeb
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
    guard case .original = try plan("a", (.protocolChoice, "original")).way else {
      Issue.record("not the original protocol")
      return
    }
    guard case .webRTC(let bare) = try plan("a", (.protocolChoice, "whep")).way,
      case .webRTC(let told) = try plan("a:81", (.protocolChoice, "whep")).way
    else {
      Issue.record("not over WHEP")
      return
    }
    #expect(bare == .server(host: "a", port: 8080) && told == .server(host: "a", port: 81))
  }

  @Test func anAddressOfTheWebIsWHEP() throws {
    guard case .webRTC(let endpoint) = try plan("http://[::1]:81/whep/main").way,
      case .webRTC(let server) = try plan("http://a:81").way
    else {
      Issue.record("not over WHEP")
      return
    }
    #expect(endpoint == .endpoint(WHEPAddress(host: "::1", port: 81, path: "/whep/main")))
    #expect(server == .server(host: "a", port: 81))
  }

  @Test func whatIsNoAddressIsRefused() {
    #expect(throws: UserError.self) { try plan("https://a") }
    #expect(throws: UserError.self) { try plan("http://a", (.protocolChoice, "original")) }
    #expect(throws: UserError.self) { try plan("a", (.minDelay, "200"), (.maxDelay, "100")) }
  }

  @Test func aDelayIsFixedOrWithinBounds() throws {
    let fixed = try Settings.resolved(
      for: .listen, options: [(name: .delay, value: "120")], environment: [:])
    #expect(fixed.playoutDelay == .fixed(.milliseconds(120)))
    let free = try Settings.resolved(
      for: .listen, options: [(name: .minDelay, value: "40")], environment: [:])
    #expect(free.playoutDelay == .adaptive(.milliseconds(40) ... .milliseconds(2_000)))
  }
}
