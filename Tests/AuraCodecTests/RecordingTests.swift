import AuraStream
import CSndFile
import Foundation
import Testing

@testable import AuraCodec

/// A folder that goes with the test.
private final class Folder {
  let url = FileManager.default.temporaryDirectory.appending(path: "aura-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}

/// One page of an Ogg file, as far as RFC 3533 section 6 lets it be read without libogg.
private struct Page {
  var flags: UInt8
  var granule: Int64
  var packets: [[UInt8]]

  static func all(of bytes: [UInt8]) throws -> [Page] {
    var pages: [Page] = []
    var place = 0
    while place < bytes.count {
      try #require(Array(bytes[place..<place + 5]) == Array("OggS".utf8) + [0])
      let granule = (0..<8).reduce(Int64(0)) { $0 | Int64(bytes[place + 6 + $1]) << Int64(8 * $1) }
      let lacing = bytes[place + 27..<place + 27 + Int(bytes[place + 26])]
      var page = Page(flags: bytes[place + 5], granule: granule, packets: [])
      place += 27 + lacing.count
      var packet: [UInt8] = []
      for value in lacing {
        packet += bytes[place..<place + Int(value)]
        place += Int(value)
        if value < 255 {
          page.packets.append(packet)
          packet = []
        }
      }
      try #require(packet.isEmpty, "none of our packets goes over two pages")
      pages.append(page)
    }
    return pages
  }
}

@Suite struct RecordingTests {
  private func packets(seconds: Int) throws -> (packets: [[UInt8]], sound: [Float]) {
    let sound = (0..<48_000 * seconds).flatMap { frame -> [Float] in
      let value = Float(0.5 * sin(2 * .pi * 440 / 48_000 * Double(frame)))
      return [value, value]
    }
    var encoder = try OpusEncoder(.smooth)
    return (encoder.packets(of: sound), sound)
  }

  @Test func packetsStandInTheFileAsTheyCame() throws {
    let folder = try Folder()
    let path = folder.path("a.opus")
    let (sent, _) = try packets(seconds: 3)
    let writer = try OggOpusWriter(RecordingFile(path: path, replacing: false), serial: 7)
    for (index, packet) in sent.enumerated() {
      try writer.append(packet, at: MediaTime(frames: Int64(480 * index)), frames: 480, of: 1)
    }
    try writer.finish()
    let pages = try Page.all(of: Array(Data(contentsOf: URL(filePath: path))))
    #expect(pages[0].flags == 2 && pages[0].granule == 0 && pages[0].packets.count == 1)
    #expect(pages[0].packets[0].starts(with: "OpusHead".utf8) && pages[0].packets[0].count == 19)
    #expect(pages[1].granule == 0 && pages[1].packets[0].starts(with: "OpusTags".utf8))
    #expect(pages.dropFirst(2).flatMap(\.packets) == sent)
    #expect(pages.last?.flags == 4 && pages.last?.granule == Int64(480 * sent.count))
    // Never more than a second is lost with the power.
    for (page, next) in zip(pages.dropFirst(2), pages.dropFirst(3)) {
      #expect(next.granule - page.granule <= 48_000 + 480)
    }
    var file = try SoundFile(path: path)
    var heard: [Float] = []
    while file.read(frames: 4_096, appendingTo: &heard) > 0 {}
    #expect(file.damage == nil && heard.count / 2 == 480 * sent.count - OggOpusWriter.preSkip)
  }

  @Test func whatIsMissingTakesItsTime() throws {
    let folder = try Folder()
    let path = folder.path("a.opus")
    let (sent, sound) = try packets(seconds: 3)
    let writer = try OggOpusWriter(RecordingFile(path: path, replacing: false), serial: 7)
    for (index, packet) in sent.enumerated() where !(100..<107).contains(index) {
      try writer.append(packet, at: MediaTime(frames: Int64(480 * index)), frames: 480, of: 1)
    }
    try writer.finish()
    #expect(writer.missingFrames == 7 * 480)
    let pages = try Page.all(of: Array(Data(contentsOf: URL(filePath: path))))
    // RFC 7845 section 4: a granule position counts what is in the packets, and nothing else.
    var granule = Int64(0)
    for page in pages.dropFirst(2) {
      granule += page.packets.reduce(0) { $0 + Int64(OpusDecoder.frames(in: $1.span) ?? 0) }
      #expect(page.granule == granule)
    }
    #expect(granule == Int64(480 * sent.count))
    #expect(pages.flatMap(\.packets).count { $0.count == 1 } == 7)
    // After the gap everything is where it would be without.
    var file = try SoundFile(path: path)
    var heard: [Float] = []
    while file.read(frames: 4_096, appendingTo: &heard) > 0 {}
    let look = 312 - OggOpusWriter.preSkip
    let off = stride(from: 60_000, to: 90_000, by: 7).map { frame in
      abs(heard[2 * (frame + look)] - sound[2 * frame])
    }
    #expect((off.max() ?? 1) < 0.1)
  }

  @Test func aGapOfAnyLengthIsFilledAsFarAsPacketsGo() {
    // Configurations: CELT 2.5 to 20 ms, hybrid 10 ms, SILK 60 ms.
    for (configuration, shortest) in [(28, 120), (29, 120), (31, 120), (14, 480), (11, 2_880)] {
      var gap = OpusGap()
      var (filled, asked) = (0, 0)
      var generator: UInt64 = 11
      for _ in 0..<200 {
        generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let missing = Int(generator >> 33) % 5_000 + 1
        asked += missing
        gap.fill(missing, after: UInt8(configuration << 3 | 4)) { byte, frames in
          #expect(byte & 0b111 == 4)
          let packet = [byte]
          #expect(OpusDecoder.frames(in: packet.span) == frames)
          filled += frames
        }
        #expect(asked - filled == gap.remainder && gap.remainder < shortest)
      }
    }
  }

  @Test func anotherStreamFollowsWithoutAGap() throws {
    let folder = try Folder()
    let (sent, _) = try packets(seconds: 1)
    let writer = try OggOpusWriter(
      RecordingFile(path: folder.path("a.opus"), replacing: false), serial: 7)
    for (index, packet) in sent.enumerated() {
      // Another stream has a timeline of its own; and one that goes back is no gap either.
      let start = index < 50 ? 480 * index : index < 75 ? 10_000_000 : 480 * index
      try writer.append(
        packet, at: MediaTime(frames: Int64(start)), frames: 480, of: index < 50 ? 1 : 2)
    }
    try writer.finish()
    #expect(writer.missingFrames == 0 && writer.frames == 480 * sent.count)
  }

  @Test func soundStandsInTheFileAsItWasPlayed() throws {
    let folder = try Folder()
    let path = folder.path("a.wav")
    let sound = (0..<96_000).map { Float(($0 * 7919) % 8_388_608) / 8_388_608 - 0.5 } + [2, -2]
    let writer = try WAVWriter(RecordingFile(path: path, replacing: false))
    try writer.append(sound.span)
    // What is there so far can be played, whatever comes.
    #expect(try Data(contentsOf: URL(filePath: path)).count > 2 * 96_000)
    var half = try SoundFile(path: path)
    var heard: [Float] = []
    #expect(half.read(frames: 96_000, appendingTo: &heard) == 48_001)
    try writer.append(sound.span)
    writer.finish()
    heard = []
    var file = try SoundFile(path: path)
    while file.read(frames: 4_096, appendingTo: &heard) > 0 {}
    #expect(heard.count == 2 * sound.count)
    #expect(Array(heard[..<96_000]) == Array(sound[..<96_000]))
    // Cut, and not wrapped round.
    #expect(heard[96_000] > 0.999 && heard[96_001] == -1)
  }

  @Test func aFileThatIsThereIsNotReplacedUnasked() throws {
    let folder = try Folder()
    let path = folder.path("a.wav")
    try Data("dear".utf8).write(to: URL(filePath: path))
    #expect(throws: CodecError.self) { try RecordingFile(path: path, replacing: false) }
    // Nor when it may be, before there is anything to replace it with.
    let file = try RecordingFile(path: path, replacing: true)
    #expect(try Data(contentsOf: URL(filePath: path)) == Data("dear".utf8))
    #expect(file.removeIfEmpty())
    #expect(FileManager.default.fileExists(atPath: path))
    let writer = try WAVWriter(file)
    try writer.append([0, 0].span)
    writer.finish()
    #expect(!file.removeIfEmpty())
    #expect(try SoundFile(path: path).duration != nil)
  }

  @Test func noEmptyFileIsLeft() throws {
    let folder = try Folder()
    let path = folder.path("a.opus")
    let file = try RecordingFile(path: path, replacing: false)
    #expect(FileManager.default.fileExists(atPath: path))
    #expect(file.removeIfEmpty() && !FileManager.default.fileExists(atPath: path))
    for wrong in [folder.path("no/where.wav"), folder.url.path, "/dev/null"] {
      #expect(throws: CodecError.self) { try RecordingFile(path: wrong, replacing: true) }
    }
  }
}
