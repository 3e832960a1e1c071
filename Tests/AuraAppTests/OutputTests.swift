internal import CLinux
internal import Glibc
internal import Synchronization
internal import Testing

@testable internal import AuraApp

/// A pipe's two ends; whoever made it closes them.
private struct Pipe {
  var reader: Int32
  var writer: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    try #require(unsafe pipe2(&ends, O_CLOEXEC) == 0)
    reader = ends[0]
    writer = ends[1]
  }

  /// What can be read until the writer is closed.
  func lines() -> [String] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe read(reader, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { String($0) }
  }
}

@Suite struct OutputTests {
  @Test func jsonKeepsOrderAndEscapes() {
    let value: JSONValue = [
      "b": "\"\\\n\u{1}\u{9B}é\u{1F600}", "a": [1, 2.5, true, nil], "c": ["d": .double(.nan)],
    ]
    #expect(
      value.json
        == #"{"b":"\"\\\n\u0001\u009bé😀","a":[1,2.5,true,null],"c":{"d":null}}"#)
  }

  @Test func textAndEvents() throws {
    let pipe = try Pipe()
    let text = Output(format: .text, descriptor: pipe.writer)
    text.event("client", ["listeners": 1], text: "one \u{1B}[31mlistener\nmore")
    text.event("status", text: nil)
    let json = Output(format: .json, descriptor: pipe.writer)
    json.event("client", ["listeners": 1], text: "one listener")
    close(pipe.writer)
    defer { close(pipe.reader) }
    let lines = pipe.lines()
    try #require(lines.count == 2)
    #expect(lines[0] == "one \u{FFFD}[31mlistener\u{FFFD}more")
    let time =
      #/\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","event":"client","listeners":1\}/#
    #expect(lines[1].wholeMatch(of: time) != nil)
  }

  @Test func linesOfManyThreadsDoNotMix() async throws {
    let pipe = try Pipe()
    let output = Output(format: .text, descriptor: pipe.writer)
    let reading = Task.detached { pipe.lines() }
    await withTaskGroup(of: Void.self) { group in
      for letter in ["a", "b", "c", "d"] {
        group.addTask {
          for _ in 0..<200 { output.line(String(repeating: letter, count: 200)) }
        }
      }
    }
    close(pipe.writer)
    let lines = await reading.value
    close(pipe.reader)
    #expect(lines.count == 800)
    #expect(lines.allSatisfy { $0.count == 200 && Set($0).count == 1 })
  }

  @Test func aReaderThatGoesAwayIsNotedOnce() throws {
    signal(SIGPIPE, SIG_IGN)
    let pipe = try Pipe()
    defer { close(pipe.writer) }
    let counter = Counter()
    let output = Output(format: .text, descriptor: pipe.writer) { counter.add() }
    output.line("heard")
    #expect(output.isOpen)
    close(pipe.reader)
    // A program that another test is just starting has that end, too, until it runs.
    var gone = pollfd(fd: pipe.writer, events: 0, revents: 0)
    _ = unsafe poll(&gone, 1, 30_000)
    for _ in 0..<3 { output.line("unheard") }
    #expect(!output.isOpen)
    #expect(counter.count == 1)
  }
}

private final class Counter: Sendable {
  private let value = Mutex(0)
  var count: Int { value.withLock { $0 } }
  func add() { value.withLock { $0 += 1 } }
}
