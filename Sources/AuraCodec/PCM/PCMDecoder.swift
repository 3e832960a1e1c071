package import AuraStream

/// Turns raw bytes, which may be split anywhere, into whole frames of floats.
package struct PCMDecoder: Sendable {
  /// What the bytes are.
  package let format: PCMFormat
  /// Samples that were no number or infinite, and became silence.
  package private(set) var nonFiniteSamples = 0

  /// The beginning of a frame whose rest has not come yet.
  private var partial: [UInt8] = []

  /// A decoder at the beginning of a frame.
  package init(format: PCMFormat) {
    self.format = format
    partial.reserveCapacity(format.bytesPerFrame)
  }

  /// Bytes of a frame that is not whole yet.
  package var partialBytes: Int { partial.count }

  /// Decodes what is whole.
  ///
  /// - Parameters:
  ///   - bytes: any number, split anywhere.
  ///   - output: whole frames are appended, interleaved; s16le as -1 up to just below 1.
  package mutating func decode(_ bytes: RawSpan, appendingTo output: inout [Float]) {
    let frameBytes = format.bytesPerFrame
    var offset = 0
    while !partial.isEmpty, offset < bytes.byteCount {
      partial.append(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      offset += 1
      guard partial.count == frameBytes else { continue }
      nonFiniteSamples += unsafe decodeSamples(partial.span.bytes, from: 0, appendingTo: &output)
      partial.removeAll(keepingCapacity: true)
    }
    let whole = (bytes.byteCount - offset) / frameBytes * frameBytes
    let end = offset + whole
    if whole > 0 {
      nonFiniteSamples += decodeSamples(
        bytes.extracting(0..<end), from: offset, appendingTo: &output)
    }
    for index in end..<bytes.byteCount {
      partial.append(unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
    }
  }

  /// Decodes whole samples from `offset` to the end; returns how many were not finite.
  private func decodeSamples(
    _ bytes: RawSpan, from offset: Int, appendingTo output: inout [Float]
  ) -> Int {
    let size = format.encoding.bytes
    var notFinite = 0
    for at in stride(from: offset, to: bytes.byteCount, by: size) {
      switch format.encoding {
      case .s16le:
        let bits = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: at, as: Int16.self)
        output.append(Float(Int16(littleEndian: bits)) / 32_768)
      case .f32le:
        let bits = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt32.self)
        let sample = Float(bitPattern: UInt32(littleEndian: bits))
        if !sample.isFinite { notFinite += 1 }
        output.append(sample.isFinite ? sample : 0)
      }
    }
    return notFinite
  }
}
