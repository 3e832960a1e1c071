/// How a broadcast is to be heard.
package enum BroadcastMode: String, CaseIterable, Hashable, Sendable {
  /// With the least delay that each listener's network allows.
  case live
  /// Each frame at its capture and a delay, the same for everyone.
  case film

  /// What a packet lasts: deep buffers take few long packets, and low delays ask for short ones.
  ///
  /// - Parameter live: frames in a packet of live mode.
  /// - Returns: frames in a packet of this mode. Chromium holds at most 150 packets.
  package func packetFrames(live: Int) -> Int { self == .film ? max(live, 960) : live }
}
