/// Whoever lets listeners in: what stands behind the HTTP door. Called from any thread, several
/// calls at a time.
package protocol WHEPHandler: Sendable {
  /// Someone wants to listen.
  ///
  /// - Parameters:
  ///   - sdp: their offer, valid UTF-8 of 1 to 65,536 bytes, otherwise unjudged.
  ///   - broadcast: the slug they ask for.
  ///   - from: their numeric address.
  /// - Returns: their way in.
  /// - Throws: why not, which they are told.
  func offer(
    _ sdp: String, broadcast: String, from: String
  ) async throws(WHEPRefusal) -> WHEPAccepted

  /// A listener leaves.
  ///
  /// - Parameter id: as in `WHEPAccepted`.
  /// - Returns: whether there was such a listener.
  func delete(id: String) async -> Bool

  /// Whether a listener has this id.
  func isListening(id: String) async -> Bool

  /// How things stand, for everyone who may listen.
  func status() async -> WebStatus
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
  /// The offer is malformed, or none of what it offers is what we have.
  case badOffer(String)
  /// There is no broadcast of that name.
  case unknownBroadcast
}
