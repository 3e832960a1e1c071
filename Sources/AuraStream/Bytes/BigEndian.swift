extension RawSpan {
  /// The byte at `offset`. An offset outside the span is our bug and traps.
  package func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// The two bytes from `offset` on, in network order. Outside the span it traps.
  package func uint16(at offset: Int) -> UInt16 {
    UInt16(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  /// The four bytes from `offset` on, in network order. Outside the span it traps.
  package func uint32(at offset: Int) -> UInt32 {
    UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The eight bytes from `offset` on, in network order. Outside the span it traps.
  package func uint64(at offset: Int) -> UInt64 {
    UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// A copy of the bytes in `range`. Outside the span it traps.
  package func array(_ range: Range<Int>) -> [UInt8] {
    range.map { byte(at: $0) }
  }
}

extension [UInt8] {
  /// Appends an integer's bytes in network order.
  package mutating func append(bigEndian value: some FixedWidthInteger) {
    unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
  }

  /// Overwrites the two bytes from `offset` on, in network order. Outside the array it traps.
  package mutating func set(_ value: UInt16, at offset: Int) {
    self[offset] = UInt8(value >> 8)
    self[offset + 1] = UInt8(value & 0xff)
  }
}
