/// How the two sides know each other.
package struct SessionCredentials: Sendable {
  package var localFragment: [UInt8]
  package var localPassword: [UInt8]
  package var remoteFragment: [UInt8]
  package var remotePassword: [UInt8]
  /// Random; begins the numbers of our own requests.
  package var nonce: UInt64

  package init(
    localFragment: [UInt8], localPassword: [UInt8], remoteFragment: [UInt8],
    remotePassword: [UInt8], nonce: UInt64
  ) {
    self.localFragment = localFragment
    self.localPassword = localPassword
    self.remoteFragment = remoteFragment
    self.remotePassword = remotePassword
    self.nonce = nonce
  }
}
