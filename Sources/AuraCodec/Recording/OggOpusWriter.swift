package import AuraStream
internal import COgg

/// Writes Opus packets as they are into an Ogg file (RFC 7845, RFC 3533).
///
/// Where packets are missing, others stand that ask for made-up sound, so the granule position
/// advances by what is missing and the file keeps time. For one thread.
@safe package final class OggOpusWriter {
  /// What a player drops at the beginning, where a decoder that joins in the middle settles: 80 ms
  /// (RFC 7845 section 4.2).
  package static let preSkip = 3_840
  /// The longest time without a page: what is lost at most when the power goes.
  private static let longestPage: Int64 = 48_000
  /// A jump beyond this is no gap in one stream: an hour.
  private static let longestGap = 3_600 * MediaTime.rate

  private let file: RecordingFile
  private let stream: UnsafeMutablePointer<ogg_stream_state>
  private var gap = OpusGap()
  /// The last packet waits: only when another comes is it known not to be the last of the file.
  private var waiting: (bytes: [UInt8], granule: Int64)?
  private var last: (stream: Int, end: MediaTime, toc: UInt8)?
  private var granule: Int64 = 0
  private var pagedGranule: Int64 = 0
  private var packets: Int64 = 0

  /// Frames of packets that were written, and of those that stand for missing ones.
  package private(set) var frames = 0, missingFrames = 0

  /// Writes the headers.
  ///
  /// - Parameters:
  ///   - file: to be written from its beginning.
  ///   - serial: names the stream within the file; random.
  /// - Throws: `CodecError` when the file cannot be written.
  package init(_ file: RecordingFile, serial: Int32) throws(CodecError) {
    self.file = file
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: ogg_stream_state())
    guard unsafe ogg_stream_init(stream, serial) == 0 else {
      throw CodecError("there is no memory for \(file.path); close other programs")
    }
    try file.begin()
    try put(Self.head, granule: 0, isFirst: true)
    try writePages(all: true)
    try put(Self.tags, granule: 0)
    try writePages(all: true)
  }

  deinit {
    unsafe ogg_stream_clear(stream)
    unsafe stream.deallocate()
  }

  /// Appends a packet.
  ///
  /// - Parameters:
  ///   - packet: as it was received; one that is empty is left out.
  ///   - start: its place on the stream's timeline.
  ///   - frames: how long it is at 48 kHz.
  ///   - stream: whose timeline that is: between two of them there is no gap.
  /// - Throws: `CodecError` when the file cannot be written.
  package func append(
    _ packet: [UInt8], at start: MediaTime, frames: Int, of stream: Int
  ) throws(CodecError) {
    guard let toc = packet.first else { return }
    if let last, last.stream == stream {
      let missing = Int(start.frames - last.end.frames)
      if (1...Self.longestGap).contains(missing) {
        try gap.fill(missing, after: last.toc) { (byte, frames) throws(CodecError) in
          missingFrames += frames
          try queue([byte], frames: frames)
        }
      }
    }
    last = (stream, start + frames, toc)
    self.frames += frames
    try queue(packet, frames: frames)
  }

  /// Ends the file; nothing can be appended afterwards.
  ///
  /// - Throws: `CodecError` when the file cannot be written.
  package func finish() throws(CodecError) {
    if let waiting { try put(waiting.bytes, granule: waiting.granule, isLast: true) }
    waiting = nil
    try writePages(all: true)
  }

  private func queue(_ packet: [UInt8], frames: Int) throws(CodecError) {
    if let waiting {
      try put(waiting.bytes, granule: waiting.granule)
      try writePages(all: waiting.granule - pagedGranule >= Self.longestPage)
    }
    granule += Int64(frames)
    waiting = (packet, granule)
  }

  private func put(
    _ bytes: [UInt8], granule: Int64, isFirst: Bool = false, isLast: Bool = false
  ) throws(CodecError) {
    var bytes = bytes  // libogg's packet is not for reading only; it copies
    let status = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      var packet = unsafe ogg_packet(
        packet: buffer.baseAddress, bytes: buffer.count, b_o_s: isFirst ? 1 : 0,
        e_o_s: isLast ? 1 : 0, granulepos: granule, packetno: packets)
      return unsafe ogg_stream_packetin(stream, &packet)
    }
    guard status == 0 else { throw CodecError("\(file.path) cannot be written any further") }
    packets += 1
  }

  /// Writes the pages that are full, or all that there is.
  private func writePages(all: Bool) throws(CodecError) {
    var page = unsafe ogg_page()
    while true {
      let isPage =
        unsafe all ? ogg_stream_flush(stream, &page) : ogg_stream_pageout(stream, &page)
      guard isPage != 0 else { return }
      pagedGranule = max(pagedGranule, unsafe ogg_page_granulepos(&page))
      unsafe try file.write(UnsafeRawBufferPointer(start: page.header, count: page.header_len))
      unsafe try file.write(UnsafeRawBufferPointer(start: page.body, count: page.body_len))
    }
  }

  // MARK: Headers

  /// RFC 7845 section 5.1: version 1, stereo, no gain, mapping family 0.
  private static var head: [UInt8] {
    Array("OpusHead".utf8) + [1, 2] + littleEndian(UInt16(preSkip))
      + littleEndian(UInt32(MediaTime.rate)) + [0, 0, 0]
  }

  /// RFC 7845 section 5.2: who made it, and no comments.
  private static var tags: [UInt8] {
    let vendor = Array("AuraLync".utf8)
    return Array("OpusTags".utf8) + littleEndian(UInt32(vendor.count)) + vendor
      + littleEndian(UInt32(0))
  }

  private static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number(8 * $0)) }
  }
}
