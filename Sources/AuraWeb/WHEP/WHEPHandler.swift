package import AuraStream

/// Whoever lets listeners in: what stands behind the HTTP door. Called from any thread, several
/// calls at a time.
package protocol WHEPHandler: Sendable {
  /// Someone wants to listen.
  ///
  /// - Parameters:
  ///   - sdp: their offer, valid UTF-8 of 1 to 65,536 bytes, otherwise unjudged.
  ///   - broadcast: the slug they ask for.
  ///   - from: their numeric address.
  ///   - keeping: who keeps sound until its time, as they say.
  /// - Returns: their way in.
  /// - Throws: why not, which they are told.
  func offer(
    _ sdp: String, broadcast: String, from: String, keeping: PacketKeeping
  ) async throws(WHEPRefusal) -> WHEPAccepted

  /// A listener leaves.
  ///
  /// - Parameter id: as in `WHEPAccepted`.
  /// - Returns: whether there was such a listener.
  func delete(id: String) async -> Bool

  /// Whether a listener has this id.
  func isListening(id: String) async -> Bool

  /// A listener says how it fares.
  ///
  /// - Parameters:
  ///   - report: what it says; unjudged but for its form.
  ///   - id: as in `WHEPAccepted`.
  /// - Returns: what it is to know; nil when there is no such listener.
  func report(_ report: ListenerReport, from id: String) async -> ListenerAdvice?

  /// The host wants frames to be heard otherwise.
  ///
  /// - Returns: how it is from now on.
  func present(_ wish: PresentationWish) async -> WebStatus.Presentation

  /// How things stand, for everyone who may listen.
  func status() async -> WebStatus

  /// What has been counted, for whoever watches over servers.
  func metrics() async -> [Metric]

  /// What a broadcast's clock says; nil when there is none of that slug, or no sound yet.
  func clock(of broadcast: String) async -> BroadcastClock?

  /// How loud a broadcast was, millisecond by millisecond, from an RTP timestamp on; nil when there is none of
  /// that slug, or nothing of it from then on is known. At most `count` levels.
  func levels(of broadcast: String, from timestamp: UInt32, count: Int) async -> BroadcastLevels?
}

/// How loud a stretch of a broadcast was: who hears it finds its place in it.
package struct BroadcastLevels: Equatable, Sendable {
  /// The RTP timestamp of the first frame, the same for all listeners.
  package var rtpTimestamp: UInt32
  /// Of a millisecond each, of both channels' mean: half decibels below full scale, 192 for silence.
  package var levels: [UInt8]

  package init(rtpTimestamp: UInt32, levels: [UInt8]) {
    self.rtpTimestamp = rtpTimestamp
    self.levels = levels
  }
}

/// One moment of a broadcast's timeline: what a listener needs to know how late it is.
package struct BroadcastClock: Equatable, Sendable {
  /// The server's clock at the moment of asking.
  package var now: HostTime
  /// The RTP timestamp of a frame, the same for all listeners, and the instant of its capture.
  package var rtpTimestamp: UInt32
  package var capturedAt: HostTime
  /// How many frames are captured in a millisecond of the server's clock; about 48.
  package var framesPerMillisecond: Double
  /// When what is captured now is to be heard.
  package var presentation: WebStatus.Presentation
  /// By which plan.
  package var notice: PresentationNotice

  package init(
    now: HostTime, rtpTimestamp: UInt32, capturedAt: HostTime, framesPerMillisecond: Double,
    presentation: WebStatus.Presentation = .init(), notice: PresentationNotice
  ) {
    self.presentation = presentation
    self.notice = notice
    self.now = now
    self.rtpTimestamp = rtpTimestamp
    self.capturedAt = capturedAt
    self.framesPerMillisecond = framesPerMillisecond
  }
}

/// What a listener is told in answer to its report.
package struct ListenerAdvice: Equatable, Sendable {
  package var presentation: WebStatus.Presentation
  /// How much later than everyone it will hear, because nobody waits for so long.
  package var late: Duration

  package init(presentation: WebStatus.Presentation = .init(), late: Duration = .zero) {
    self.presentation = presentation
    self.late = late
  }
}

/// How the host wants frames to be heard; nil leaves what is.
package struct PresentationWish: Equatable, Sendable {
  package var mode: BroadcastMode?
  package var delay: DelayChoice?

  package init(mode: BroadcastMode? = nil, delay: DelayChoice? = nil) {
    self.mode = mode
    self.delay = delay
  }
}

/// A listener that was let in.
package struct WHEPAccepted: Equatable, Sendable {
  /// The SDP answer, with every candidate in it.
  package var answer: String
  /// The listener's name in its session's URL: 1 to 64 letters, digits, `-` or `_`. Who knows it can end
  /// the session, so it has 128 random bits.
  package var id: String

  package init(answer: String, id: String) {
    self.answer = answer
    self.id = id
  }
}

/// Why an offer leads to nothing. The texts are sentences for a person.
package enum WHEPRefusal: Error, Equatable, Sendable {
  /// The broadcast has no sound now; asking again after this time makes sense.
  case notLive(retryAfter: Duration)
  /// No room for one more.
  case full(reason: String)
  /// Too many are joining at this moment; asking again after this time makes sense.
  case busy(retryAfter: Duration)
  /// The offer is malformed, or none of what it offers is what we have.
  case badOffer(String)
  /// There is no broadcast of that name.
  case unknownBroadcast
}
