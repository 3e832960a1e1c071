internal import CQREncode

/// A QR code (ISO/IEC 18004): a square of dark and light modules.
package struct QRCode: Equatable, Sendable {
  /// Light modules that belong around it on every side (§9.1).
  package static let quietZone = 4

  /// Modules along an edge, without the quiet zone.
  package let size: Int
  private let modules: [Bool]

  /// The smallest code that holds a text and can still be read with 15 % of it covered.
  ///
  /// - Returns: nil for an empty text, or one of more than 2,331 bytes.
  package init?(_ text: String) {
    guard let code = unsafe QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M) else { return nil }
    defer { unsafe QRcode_free(code) }
    let size = unsafe Int(code.pointee.width)
    self.size = size
    // The lowest bit of a module's byte is its colour; the others say what it is there for.
    modules = unsafe UnsafeBufferPointer(start: code.pointee.data, count: size * size)
      .map { $0 & 1 == 1 }
  }

  /// Whether a module is dark; those outside of the code are not.
  package func isDark(column: Int, row: Int) -> Bool {
    (0..<size).contains(column) && (0..<size).contains(row) && modules[row * size + column]
  }
}
