/// The cryptography of a listener's own side: media comes in, feedback goes out.
///
/// `openFeedback` opens what the server reports.
package protocol PlayerEngine: DTLSEngine, ~Copyable {
  /// Verifies and decrypts an RTP packet in place.
  ///
  /// - Returns: the length of the packet in the clear; nil when it is forged, damaged, or repeated.
  mutating func openMedia(_ packet: UnsafeMutableRawBufferPointer) -> Int?

  /// Encrypts a compound RTCP packet.
  ///
  /// - Returns: the datagram; nil when it cannot be encrypted.
  mutating func sealFeedback(_ packet: [UInt8]) -> [UInt8]?
}
