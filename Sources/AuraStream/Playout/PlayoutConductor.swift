/// Leads a listener's playing: takes packets in, and says what is to be played next and how fast.
///
/// It is all of the playout but the codec and the output: the same rules play Opus into a sound card
/// and nothing at all into a simulation. Every frame has an instant at which it is to be heard: that of
/// its capture (or, where the sender tells nothing, of its earliest arrival) and the delay. `next` says
/// what belongs where the output is now: a frame, made-up sound for one that did not come, or silence.
/// The speed holds both together; sound is skipped or silence put in only where a join is heard anyway,
/// in the seconds after it while clocks settle, or where the error is above 100 ms.
///
///     on a packet:  receive; requests
///     often:        report what the output did; while let step = next { make it sound; didWrite }
package struct PlayoutConductor: Sendable {
  /// What is known beforehand.
  package struct Parameters: Equatable, Sendable {
    package var delay: PlayoutDelay.Mode
    /// Of plain payloads.
    package var payloadType: UInt8
    /// Of redundant ones (RFC 2198), when agreed on.
    package var redundantPayloadType: UInt8?
    /// Whether the sender answers requests for lost packets.
    package var requestsRepair: Bool
    /// How much earlier than needed sound is made: for a thread that is woken late.
    package var margin: Duration
    /// Whether the speed is changed at all; without it sound passes unchanged.
    package var correctsDrift: Bool

    package init(
      delay: PlayoutDelay.Mode = PlayoutDelay.usual, payloadType: UInt8,
      redundantPayloadType: UInt8? = nil, requestsRepair: Bool = true,
      margin: Duration = .milliseconds(3), correctsDrift: Bool = true
    ) {
      self.delay = delay
      self.payloadType = payloadType
      self.redundantPayloadType = redundantPayloadType
      self.requestsRepair = requestsRepair
      self.margin = margin
      self.correctsDrift = correctsDrift
    }
  }

  /// A packet's header, and when it came.
  package struct Packet: Equatable, Sendable {
    package var ssrc: UInt32
    package var sequenceNumber: UInt16
    package var timestamp: UInt32
    package var payloadType: UInt8
    package var arrival: HostTime

    package init(
      ssrc: UInt32, sequenceNumber: UInt16, timestamp: UInt32, payloadType: UInt8,
      arrival: HostTime
    ) {
      self.ssrc = ssrc
      self.sequenceNumber = sequenceNumber
      self.timestamp = timestamp
      self.payloadType = payloadType
      self.arrival = arrival
    }
  }

  /// What is to be played next.
  package struct Step: Equatable, Sendable {
    package enum Sound: Equatable, Sendable {
      /// A frame, without the first frames that it decodes to.
      case decode(JitterBuffer.Frame, skipping: Int)
      /// Sound made up for what did not come in time.
      case conceal(frames: Int)
      case silence(frames: Int)
    }

    package var sound: Sound
    /// How much faster than recorded: 0.000_1 is 100 ppm.
    package var speed: Double
    /// Whether it does not continue what was played before.
    package var isSplice: Bool
  }

  /// What happened since the beginning, in frames at 48 kHz where nothing else is said.
  package struct Counts: Equatable, Sendable {
    package var packets = 0
    /// Packets far off the count, and encoded frames that are malformed: dropped.
    package var strays = 0
    package var malformed = 0
    package var played = 0
    /// Sound made up.
    package var concealed = 0
    /// Silence where sound was expected: longer losses, and what was never captured.
    package var silent = 0
    /// By how much the delay grew because sound was waited for.
    package var stretched = 0
    /// Times sound was moved because it was more than 100 ms off.
    package var jumps = 0
    /// Times it was put in its place at a join that is heard anyway: a start, an output that ran dry.
    package var alignments = 0
    /// Times it was put there once more soon after, when clocks that were new had settled.
    package var resettlements = 0
    /// Times the output ran dry while sound was played.
    package var underruns = 0
    /// Streams that began: at first, and after the sender's restarts.
    package var streams = 0

    package init() {}
  }

  /// Errors beyond this are not corrected by speed.
  package static let farthest = Duration.milliseconds(100)
  /// The farthest that a packet which others have overtaken may be late to count as jitter.
  static let farthestOvertaken = Duration.seconds(1)
  /// What arrivals may vary by until it is made again.
  static let headphoneMargin = Duration.milliseconds(20)
  /// The most the output is given at once where there is no sound, in frames: 5 ms.
  static let silenceFrames = 240
  /// The longest that sound is made up: then it is silence.
  static let longestConcealment = 5_760  // 120 ms
  /// The longest that a frame is waited for while sound is made up.
  static let longestStretch = 2_880  // 60 ms
  /// How long everything comes too late before a delay that follows the arrivals is given up: longer than
  /// it takes to catch up after a freeze.
  static let longestLateness = Duration.milliseconds(100)
  /// How long a start waits for capture instants where the delay counts from them: at first, and later,
  /// when they are known as a rule and silence is worse than a join.
  static let longestIgnorance = (first: Duration.seconds(3), later: Duration.milliseconds(500))

  package let parameters: Parameters
  package internal(set) var counts = Counts()
  package internal(set) var buffer = JitterBuffer()
  package internal(set) var repairs = RepairRequests()
  package internal(set) var depacketizer: RedundantDepacketizer
  package internal(set) var serverClock = ServerClock()
  package internal(set) var output = OutputClock()
  package internal(set) var controller = RateController()

  var tracker = SequenceTracker()
  var arrivals = ArrivalTimeline()
  var sender = SenderTimeline()
  var delay: PlayoutDelay
  var stages = DelayStages()

  // The stream.
  var ssrc: UInt32?
  var newest: MediaTime?
  var firstArrival: HostTime?
  var packetFrames = 480
  var lastIndex: Int64?

  /// When each frame was captured, or came at the earliest; on our clock.
  var reference: TimelineLine?
  /// Whether the reference tells capture instants.
  package internal(set) var isExact = false

  /// How many more answers of the server's clock it takes until capture instants are believed again.
  var doubts = 0

  /// How much of the output's delay is what a person said of the headphone.
  package var headphone = Duration.zero
  /// The delay that such a headphone needs where film mode's does not do; else zero.
  var leastForHeadphone = Duration.zero

  // The output.
  var written = 0
  var silentBefore = 0
  var silentFrames = 0
  var margin: Duration
  var held = 0

  // Where we are.
  var isAligned = false
  /// The frame that is to be played next.
  var position = MediaTime(frames: 0)
  /// Made-up frames that are not known yet to be instead of something, or before it.
  var pending = 0
  /// Frames without sound so far, in a row.
  var gapRun = 0
  /// Packets came in order and too late since then, the least late of them so late; nil when one was played.
  var lateRun: (since: HostTime, least: Duration)?
  var lateness = LatenessWatch()
  var wasSilent = true
  var lastFrames = 0
  /// How late sound is heard now, in seconds.
  var error = 0.0
  var settling = SettlingWatch()
  var outputMoves = 0

  package init(_ parameters: Parameters) {
    self.parameters = parameters
    depacketizer = RedundantDepacketizer(
      payloadType: parameters.payloadType, redundantPayloadType: parameters.redundantPayloadType)
    delay = PlayoutDelay(parameters.delay)
    margin = parameters.margin
  }

  /// The delay in force, from the reference's instant to the ear; nil before the first packet.
  package var currentDelay: Duration? {
    if isExact, let fixed = delay.fixed { return max(fixed, leastForHeadphone) }
    return delay.following
  }

  /// Whether the delay has room for an output's long requests, of `longRequest` frames; a headphone's own delay
  /// is none. A computer may stand still for longer then.
  package var hasRoom: Bool {
    guard isExact, let fixed = delay.fixed else { return false }
    return max(fixed, leastForHeadphone) - headphone >= Self.roomy
  }

  /// In frames: 21 ms.
  package static let longRequest = 1024
  /// From which delay on there is room for them: several times what most listeners need besides.
  package static let roomy = Duration.milliseconds(150)

  /// Counts on requests that are no shorter than this, in frames: the output has been asked for them.
  package mutating func expectRequests(of frames: Int) { output.leastRequest = frames }

  /// What lies between a packet's decoding and the ear.
  package var pipeline: Duration { output.corrected + output.request + margin + .frames(held) }

  /// The number of the output frame that is written next.
  var nextFrame: Int { written + silentFrames }
}
