internal import COpenSSL

/// HMAC with SHA-1 (RFC 2104), as STUN uses it.
package enum HMACSHA1 {
  /// The length of a code in bytes.
  package static let byteCount = 20

  /// The code of a message.
  ///
  /// - Parameters:
  ///   - key: of any length, the empty one too.
  ///   - message: of any length.
  /// - Returns: `byteCount` bytes.
  package static func authenticate(key: [UInt8], message: [UInt8]) -> [UInt8] {
    [UInt8](capacity: byteCount) { span in
      unsafe span.withUnsafeMutableBufferPointer { buffer, filled in
        let made = unsafe HMAC(
          EVP_sha1(), key, Int32(key.count), message, message.count, buffer.baseAddress, nil)
        guard unsafe made != nil else { preconditionFailure("OpenSSL has no HMAC with SHA-1") }
        filled = byteCount
      }
    }
  }
}

/// Comparing secrets without telling by the time it takes where they differ.
package enum ConstantTime {
  /// Whether two byte strings are the same. Only their lengths can be told from the time taken.
  package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return unsafe CRYPTO_memcmp(a, b, a.count) == 0
  }
}
