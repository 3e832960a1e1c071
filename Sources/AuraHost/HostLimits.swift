internal import CLinux

/// What the operating system allows this process.
package enum HostLimits {
  /// Raises the number of files and sockets that may be open as far as is permitted.
  ///
  /// - Returns: how many may be open now.
  @discardableResult
  package static func raiseOpenFiles() -> Int { Int(clamping: aura_raise_open_files()) }
}
