internal import COpenSSL

/// Randomness fit for keys and secrets.
package enum Random {
  /// Bytes nobody can foretell.
  ///
  /// - Parameter count: how many, 0 to 2^31 - 1.
  /// - Returns: that many.
  package static func bytes(_ count: Int) -> [UInt8] {
    // Often what is first asked of OpenSSL.
    _ = HandshakeMemory.isOurs
    return [UInt8](capacity: count) { span in
      unsafe span.withUnsafeMutableBufferPointer { buffer, filled in
        // Without randomness nothing here is safe, and nobody could repair it while we run.
        guard unsafe RAND_bytes(buffer.baseAddress, Int32(count)) == 1 else {
          preconditionFailure("the operating system gives no randomness")
        }
        filled = count
      }
    }
  }
}
