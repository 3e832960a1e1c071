package import AuraAudio
internal import AuraHost
package import AuraStream
package import AuraWeb
internal import Synchronization

/// Plays a broadcast: connects, receives, plays, connects again.
package final class Listener: Sendable {
  package struct Options: Sendable {
    /// Of the original protocol.
    package var host: String
    package var port: Int
    package var way = Way.original
    /// From capture to ear, over WebRTC.
    package var delay = PlayoutDelay.usual
    /// Whether to ask for uncompressed sound, over WebRTC; a server that has none sends Opus.
    package var wantsLinear = false
    /// The sound server; nil plays to nothing, in real time.
    package var backend: SoundBackend?
    /// The output; nil is the default one, followed when it changes.
    package var outputName: String?
    /// How loud, and on which side.
    package var volume: VolumeControl
    /// Takes what is listened to; its owner finishes it after `stop`.
    package var recorder: Recorder?
    /// What the headphone adds to what the sound system says.
    package var headphone = HeadphoneOffset()
    /// How much sound to hold; nil finds it from how evenly sound arrives.
    package var buffer: Duration?
    /// Whether the caller takes the sound with `render`, and no output is opened.
    package var isPulled = false

    package init(
      host: String, port: Int, backend: SoundBackend?, outputName: String?,
      volume: VolumeControl = VolumeControl(percent: 100), buffer: Duration?
    ) {
      self.host = host
      self.port = port
      self.backend = backend
      self.outputName = outputName
      self.volume = volume
      self.buffer = buffer
    }
  }

  /// How to reach a server.
  package enum Way: Sendable {
    /// The original protocol.
    case original
    /// WebRTC, joined over WHEP.
    case webRTC(WHEPTarget)
    /// WebRTC at the first of these ports where a server of ours is, else the original protocol.
    case best(webPorts: [Int])
  }

  /// Where to join over WHEP.
  package enum WHEPTarget: Equatable, Sendable {
    /// A server of ours, whose status tells the endpoint; the path is of no account.
    case server(WHEPAddress)
    /// The same; but what has no such status is an endpoint itself.
    case either(WHEPAddress)
    case endpoint(WHEPAddress)
  }

  /// What brings the sound.
  package enum Carrier: Sendable {
    case original(OriginalFormat)
    /// What is not `linear` is Opus.
    case webRTC(WHEPAddress, linear: LinearAudio?)
  }

  /// Something the person who listens wants to know; told on several threads.
  package enum Event: Sendable {
    case connecting
    /// Sound will come; `isLocal` when the server is this computer.
    case connected(address: String, carrier: Carrier, isLocal: Bool)
    /// The connection is gone or was not to be had; the next attempt follows.
    case disconnected(reason: String, retryIn: Duration)
    /// There is no sense in trying again.
    case failed(reason: String)
    case output(StreamEvent)
    /// We hear so much later than everyone, for nobody waits for us; nil: no longer.
    case late(Duration?)
    /// Nothing more is recorded; listening goes on.
    case recordingFailed(reason: String)
  }

  /// The numbers of one moment.
  package struct Statistics: Sendable {
    package enum State: String, Sendable { case playing, buffering, waiting }
    package var state = State.waiting
    package var decibels = LevelMeter.floor
    /// Received sound that waits to be played, on average.
    package var buffer = Duration.zero
    /// What the buffer is steered to.
    package var target = Duration.zero
    /// From the buffer to the ear, as the sound system reports it, and what the headphone adds.
    package var output = Duration.zero
    /// Sound left out to catch up.
    package var skipped = Duration.zero
    /// Times the output ran dry.
    package var underruns = 0
    /// Silence played because nothing was there.
    package var silent = Duration.zero
    /// What the output played as silence because this computer was too late for it: cut out, so that
    /// the delay stays.
    package var missed = Duration.zero
    /// How much faster than received sound is played, in parts per million.
    package var ratePPM = 0.0
    /// Sound received since the beginning.
    package var received = Duration.zero
    /// Times the connection was made again.
    package var reconnections = 0
    /// How far a recording has come; nil when there is none.
    package var recording: Recorder.Facts?
    /// What is known over WebRTC alone.
    package var webRTC: WebRTC?

    /// What a listener over WebRTC knows besides.
    package struct WebRTC: Sendable {
      package var playout = PlayoutFacts()
      /// The delay that was said; nil where it follows the arrivals.
      package var fixedDelay: Duration?
      /// Packets that were sent, and those of them that never came, repairs counted as received.
      package var expected = 0
      package var missing = 0
      /// By how much we hear later than everyone in film mode, as the server last said.
      package var late = Duration.zero

      /// What is heard now was captured so long ago; where capture instants are not known, it came so
      /// long ago.
      package var delay: Duration? { playout.delay.map { $0 + playout.error } }
      /// Whether the delay that was said cannot be held.
      package var isTooShort: Bool {
        guard let fixedDelay, let needed = playout.needed, playout.isExact else { return false }
        return needed > fixedDelay
      }
    }

    package init() {}
  }

  private static let longestBuffer = 7 * MediaTime.rate  // 5 s and room for a burst

  private let tap: PlaybackTap
  private let recorder: Recorder?
  private let headphone: HeadphoneOffset
  private let session: any NetworkSession
  private let output: StreamSupervisor
  private let thread: HostThread

  /// Opens the output and begins to connect.
  ///
  /// - Parameters:
  ///   - options: whom to listen to, and how.
  ///   - onEvent: told of what happens; must not call `stop`.
  /// - Throws: `SoundError` when the output cannot be had.
  package init(_ options: Options, onEvent: @escaping @Sendable (Event) -> Void) throws(SoundError)
  {
    let tap = PlaybackTap(minimumFrames: Self.longestBuffer, resumeThreshold: 1)
    self.tap = tap
    recorder = options.recorder
    headphone = options.headphone
    output = try StreamSupervisor(
      name: "aura-output",
      make: { (handler) throws(SoundError) in
        if options.isPulled { return PulledPlayback(onEvent: handler) }
        guard let backend = options.backend else {
          return NullPlayback(tap: tap, onEvent: handler)
        }
        return try Sound.playback(
          to: options.outputName, of: backend, from: tap, onEvent: handler)
      }, onEvent: { onEvent(.output($0)) })
    let session: any NetworkSession =
      switch options.way {
      case .original: OriginalSession(options, tap: tap, onEvent: onEvent)
      case .webRTC(let target):
        WebRTCSession(options, target: target, tap: tap, onEvent: onEvent)
      case .best(let ports):
        SearchingSession(options, webPorts: ports, tap: tap, onEvent: onEvent)
      }
    self.session = session
    thread = HostThread(name: "aura-network", realTimePriority: 15) { session.run() }
  }

  /// Where `isPulled` was said: fills a buffer with what is heard next. Safe on an audio thread; from
  /// one thread only, at the pace of its own clock.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz; all are written.
  ///   - delay: from now to the buffer's first frame at the ear.
  package func render(into samples: inout MutableSpan<Float>, delay: Duration) {
    let now = HostClock.now
    unsafe samples.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe tap.render(into: base, frames: buffer.count / 2, at: now, delay: delay)
    }
  }

  /// How things stand.
  package var statistics: Statistics {
    var statistics = session.statistics
    statistics.output = tap.reportedOutputDelay + headphone.value
    statistics.underruns = tap.underruns
    statistics.silent = .frames(tap.silentFrames)
    statistics.missed = .frames(tap.missedFrames)
    statistics.recording = recorder?.facts
    return statistics
  }

  /// Stops listening. A name service that does not answer is not waited for.
  package func stop() {
    if session.stop(within: .milliseconds(1_000)) { thread.join() }
    output.stop()
  }
}
