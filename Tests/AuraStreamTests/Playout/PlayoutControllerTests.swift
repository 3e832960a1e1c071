import AuraStream
import Testing

/// A server, a network and an output in virtual time, with the controller between them.
private struct Room {
  /// What happens on the way, in order.
  enum Trouble {
    /// Nothing arrives for a while, then everything at once.
    case networkFreeze
    /// Nothing arrives for a while, and what was captured meanwhile never comes.
    case captureFreeze
    /// The listener's own process stands still: nothing is taken, the output runs dry.
    case listenerFreeze
  }

  static let chunk = 1024
  static let request = 256

  var random: SeededGenerator
  var jitter: Duration
  var driftPPM: Double
  var controller: PlayoutController
  var now: Int64 = 0  // ns
  var waiting = 0  // frames in the tap
  var silent = 0  // frames of silence played, dry
  var lastRender: Int64 = 0
  var owed = 0.0  // fraction of a frame the resampler keeps
  var leads: [(at: Double, milliseconds: Double)] = []
  var largestRate = 0.0

  init(seed: UInt64, jitter: Duration, driftPPM: Double, fixed: Duration? = nil) {
    random = SeededGenerator(seed: seed)
    self.jitter = jitter
    self.driftPPM = driftPPM
    controller = PlayoutController(fixedTarget: fixed)
  }

  mutating func run(
    seconds: Double, trouble: Trouble? = nil, at troubleStart: Double = 0, lasting: Double = 0.3
  ) {
    let chunkTime = Double(Self.chunk) / 48_000 * 1e9 / (1 + driftPPM / 1e6)
    var arrivals: [Int64] = []
    var index = 0
    while Double(index) * chunkTime < seconds * 1e9 {
      let sent = Double(index + 1) * chunkTime
      index += 1
      let wobble = Double.random(in: 0...1, using: &random) * Double(jitter.inNanoseconds)
      var at = sent + wobble
      let start = troubleStart * 1e9
      let end = start + lasting * 1e9
      if let trouble, sent >= start, sent < end {
        switch trouble {
        case .networkFreeze, .listenerFreeze: at = end
        case .captureFreeze: continue
        }
      }
      arrivals.append(max(Int64(at), arrivals.last ?? 0))
    }
    var silentBefore = 0
    for arrival in arrivals {
      render(until: arrival)
      now = arrival
      let lead =
        Duration.frames(waiting) - (HostTime(nanoseconds: now) - HostTime(nanoseconds: lastRender))
      let action = controller.arrival(
        frames: Self.chunk, lead: lead, silence: .frames(silent - silentBefore),
        now: HostTime(nanoseconds: now))
      silentBefore = silent
      owed += Double(Self.chunk - action.skipFrames) / (1 + action.rateCorrection)
      let frames = Int(owed)
      owed -= Double(frames)
      waiting += action.padFrames + frames
      largestRate = max(largestRate, abs(action.rateCorrection))
      leads.append((Double(now) / 1e9, lead.inMilliseconds))
    }
  }

  /// The output asks for a block every 256 frames of its own clock.
  private mutating func render(until: Int64) {
    let period = Int64(Duration.frames(Self.request).inNanoseconds)
    while lastRender + period <= until {
      lastRender += period
      let played = min(waiting, Self.request)
      waiting -= played
      silent += Self.request - played
    }
  }

  func meanLead(from: Double, to: Double) -> Double {
    let window = leads.filter { $0.at >= from && $0.at < to }.map(\.milliseconds)
    return window.reduce(0, +) / Double(window.count)
  }
}

struct PlayoutControllerTests {
  @Test(arguments: [-300.0, -50, 0, 50, 300], [UInt64](1...4))
  func driftNeverAddsUp(ppm: Double, seed: UInt64) {
    var room = Room(seed: seed, jitter: .milliseconds(3), driftPPM: ppm)
    room.run(seconds: 600)
    let early = room.meanLead(from: 60, to: 120)
    let late = room.meanLead(from: 540, to: 600)
    #expect(abs(late - early) < 3, "seed \(seed): \(early) then \(late) ms")
    #expect(room.largestRate <= PlayoutController.largestCorrection)
    #expect(room.controller.skippedFrames == 0, "seed \(seed)")
    let silentEarly = room.silent
    #expect(silentEarly < 48_000 / 5, "seed \(seed): silence beyond the start")
  }

  @Test(arguments: [Room.Trouble.networkFreeze, .captureFreeze, .listenerFreeze])
  fileprivate func aFreezeLeavesNoDelayBehind(trouble: Room.Trouble) {
    for seed in UInt64(1)...10 {
      var room = Room(seed: seed, jitter: .milliseconds(2), driftPPM: 40)
      room.run(seconds: 60, trouble: trouble, at: 30)
      let before = room.meanLead(from: 20, to: 30)
      let after = room.meanLead(from: 32.3, to: 34)
      #expect(after < before + 12, "seed \(seed): \(before) then \(after) ms")
    }
  }

  @Test(arguments: [UInt64](1...5))
  func bufferFollowsTheJitter(seed: UInt64) {
    var calm = Room(seed: seed, jitter: .milliseconds(1), driftPPM: 0)
    calm.run(seconds: 60)
    var rough = Room(seed: seed, jitter: .milliseconds(40), driftPPM: 0)
    rough.run(seconds: 60)
    #expect(calm.controller.target < .milliseconds(15), "seed \(seed)")
    #expect(rough.controller.target > calm.controller.target + .milliseconds(10), "seed \(seed)")
    let silentBefore = rough.silent
    #expect(silentBefore < 48_000 / 2, "seed \(seed)")
  }

  @Test(arguments: [20, 100, 1000])
  func aFixedBufferIsKept(milliseconds: Int) {
    var room = Room(
      seed: 7, jitter: .milliseconds(2), driftPPM: -120, fixed: .milliseconds(milliseconds))
    room.run(seconds: 120)
    #expect(abs(room.meanLead(from: 60, to: 120) - Double(milliseconds)) < 4)
  }

  @Test func aBurstIsSkippedAtOnce() {
    var controller = PlayoutController(fixedTarget: .milliseconds(20))
    let start = HostTime(nanoseconds: 1_000_000_000)
    _ = controller.arrival(frames: 1024, lead: .zero, silence: .zero, now: start)
    let action = controller.arrival(
      frames: 48_000, lead: .milliseconds(320), silence: .zero, now: start + .milliseconds(20))
    #expect(action.skipFrames == Duration.milliseconds(300).frames())
    #expect(controller.skippedFrames == action.skipFrames)
  }

  @Test func aLongSkipIsTakenFromAsManyArrivalsAsItNeeds() {
    var controller = PlayoutController(fixedTarget: .milliseconds(20))
    var now = HostTime(nanoseconds: 1_000_000_000)
    _ = controller.arrival(frames: 480, lead: .zero, silence: .zero, now: now)
    var lead = Duration.milliseconds(120)
    for _ in 0..<20 {
      now = now + .milliseconds(10)
      let action = controller.arrival(frames: 480, lead: lead, silence: .zero, now: now)
      lead -= .frames(action.skipFrames)
    }
    #expect(abs(lead.inMilliseconds - 20) < 1)
    #expect(abs(controller.skippedFrames - 4800) < 50)
  }
}
