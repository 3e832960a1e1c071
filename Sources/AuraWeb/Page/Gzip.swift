internal import CZlib

/// Smaller bytes for the way (RFC 1952), and who takes them.
enum Gzip {
  /// zlib's name for RFC 1952's frame around the largest window.
  private static let windowBits: Int32 = 15 + 16
  private static let memoryLevel: Int32 = 9

  /// - Returns: nil where that would not be smaller.
  static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = unsafe z_stream()
    guard
      unsafe deflateInit2_(
        &stream, Z_BEST_COMPRESSION, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY,
        ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { _ = unsafe deflateEnd(&stream) }
    var input = bytes
    // Where it does not fit it is of no use.
    var output = [UInt8](repeating: 0, count: bytes.count)
    let isWhole = unsafe input.withUnsafeMutableBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe stream.next_in = input.baseAddress
        unsafe stream.avail_in = UInt32(input.count)
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = UInt32(output.count)
        return unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END
      }
    }
    return isWhole ? Array(output.prefix(Int(unsafe stream.total_out))) : nil
  }

  /// Whether a client takes it, by its Accept-Encoding (RFC 9110 §12.5.3): only if that names it.
  static func isTaken(by accepted: String?) -> Bool {
    guard let accepted else { return false }
    return accepted.lowercased().split(separator: ",").contains { part in
      let words = part.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
      guard words.first == "gzip" else { return false }
      // A weight of zero, with up to three digits behind the point, is a refusal.
      return !words.dropFirst().contains { $0.hasPrefix("q=0") && Double($0.dropFirst(2)) == 0 }
    }
  }
}
