package import AuraStream

/// What `/api/status` tells.
package struct WebStatus: Equatable, Sendable {
  package var broadcasts: [BroadcastEntry]
  package var listeners: [ListenerEntry]

  package init(broadcasts: [BroadcastEntry] = [], listeners: [ListenerEntry] = []) {
    self.broadcasts = broadcasts
    self.listeners = listeners
  }

  /// When a broadcast's frames are to be heard.
  package struct Presentation: Equatable, Sendable {
    package var mode: BroadcastMode
    /// In film mode: from capture to ear, for everyone.
    package var delay: Duration?

    package init(mode: BroadcastMode = .live, delay: Duration? = nil) {
      self.mode = mode
      self.delay = delay
    }
  }

  /// One source that can be listened to.
  package struct BroadcastEntry: Equatable, Sendable {
    /// Its name in URLs: 1 to 64 lower-case letters, digits and `-`.
    package var slug: String
    /// Its name for people.
    package var name: String
    /// Where its sound comes from, for people.
    package var source: String
    /// Whether an offer would not be refused as `notLive`.
    package var isLive: Bool
    /// How many hear it, whatever the protocol.
    package var listeners: Int
    package var presentation: Presentation

    package init(
      slug: String, name: String, source: String, isLive: Bool, listeners: Int,
      presentation: Presentation = Presentation()
    ) {
      self.presentation = presentation
      self.slug = slug
      self.name = name
      self.source = source
      self.isLive = isLive
      self.listeners = listeners
    }
  }

  /// One listener; nothing that would let others find or end them. Nil: not known (yet).
  package struct ListenerEntry: Equatable, Sendable {
    /// The broadcast's slug.
    package var broadcast: String
    /// `webrtc` or `tcp`.
    package var transport: String
    /// `opus`, `L16` or `L24`; nil over TCP, where the server's format holds.
    package var codec: String?
    /// From capture to the network, or to the ear where that is known.
    package var delay: Duration?
    /// Where that comes from.
    package var parts: DelayParts?
    /// The part of packets that was lost lately, 0 to 1.
    package var loss: Double?
    package var jitter: Duration?
    package var roundTrip: Duration?
    /// When they came, in seconds of Unix time.
    package var since: Int64

    package init(
      broadcast: String, transport: String, codec: String? = nil, delay: Duration? = nil,
      parts: DelayParts? = nil, loss: Double? = nil, jitter: Duration? = nil,
      roundTrip: Duration? = nil, since: Int64
    ) {
      self.broadcast = broadcast
      self.transport = transport
      self.codec = codec
      self.delay = delay
      self.parts = parts
      self.loss = loss
      self.jitter = jitter
      self.roundTrip = roundTrip
      self.since = since
    }
  }
}
