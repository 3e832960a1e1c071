import AuraHost
import Glibc
import Testing

@Suite struct SoundPipeTests {
  private let path = "/tmp/auralync-pipe-\(getpid())-\(UInt64.random(in: 0...(.max)))"

  @Test func whatIsLookedAtStays() throws {
    let pipe = try #require(SoundPipe(path: path, pages: 4))
    defer { unsafe unlink(path) }
    #expect(pipe.pages == 4)
    try put((0..<5000).map { UInt8(truncatingIfNeeded: $0 / 7) })
    var seen: [UInt8] = []
    pipe.look(after: 0, into: &seen)
    #expect(seen == (0..<5000).map { UInt8(truncatingIfNeeded: $0 / 7) })
    #expect(pipe.waiting == 5000)
    #expect(pipe.remove(700) == 700)
    pipe.look(after: 4200, into: &seen)
    #expect(seen == (4900..<5000).map { UInt8(truncatingIfNeeded: $0 / 7) })
    pipe.look(after: 4300, into: &seen)
    #expect(seen.isEmpty)
    #expect(pipe.remove(9000) == 4300)
    #expect(pipe.waiting == 0)
  }

  @Test func onlyWhatIsEmptyCanBeGivenUp() throws {
    let pipe = try #require(SoundPipe(path: path, pages: 4))
    defer { unsafe unlink(path) }
    for _ in 0..<4 { #expect(pipe.appendZeros(4092)) }
    #expect(!pipe.appendZeros(4092), "it is full")
    #expect(!pipe.resize(pages: 2))
    #expect(pipe.pages == 4)
    pipe.remove(2 * 4092)
    #expect(pipe.resize(pages: 2))
    #expect(pipe.resize(pages: 8))
    #expect(pipe.waiting == 2 * 4092)
    for _ in 0..<6 { #expect(pipe.appendZeros(4092)) }
    var all: [UInt8] = []
    pipe.look(after: 0, into: &all)
    #expect(all.count == 8 * 4092, "the copy has grown with it")
  }

  private func put(_ bytes: [UInt8]) throws {
    let writer = unsafe open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    try #require(writer >= 0)
    defer { close(writer) }
    #expect(unsafe write(writer, bytes, bytes.count) == bytes.count)
  }
}
