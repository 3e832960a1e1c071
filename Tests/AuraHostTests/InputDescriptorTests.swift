import AuraHost
import CLinux
import Glibc
import Testing

@Suite struct InputDescriptorTests {
  /// Gives a test both ends of a pipe.
  private func withPipe(_ body: (_ input: InputDescriptor, _ writeEnd: Int32) throws -> Void) throws
  {
    var ends: [Int32] = [-1, -1]
    try #require(unsafe pipe2(&ends, O_CLOEXEC) == 0)
    let flags = fcntl(ends[1], F_GETFL)
    _ = fcntl(ends[1], F_SETFL, flags | O_NONBLOCK)
    defer { for end in ends { close(end) } }
    try body(InputDescriptor(ends[0]), ends[1])
  }

  private func fill(_ writeEnd: Int32, by size: Int) -> Int {
    let bytes = [UInt8](repeating: 1, count: size)
    var total = 0
    while case let count = unsafe write(writeEnd, bytes, size), count > 0 { total += count }
    return total
  }

  @Test(arguments: [1, 960, 2049, 3000, 4096, 4608, 65_536])
  func aPipeIsFullWhenItsWriterMustWait(size: Int) throws {
    try withPipe { input, writeEnd in
      #expect(input.kind == .stream)
      #expect(!input.isFull && input.waitingBytes == 0)
      let total = fill(writeEnd, by: size)
      #expect(input.isFull && input.waitingBytes == total)
      var buffer: [UInt8] = []
      #expect(input.read(atMost: 10_000, into: &buffer) == .bytes(10_000))
      #expect(!input.isFull)
    }
  }

  @Test func readsWhatIsThereAndNeverWaits() throws {
    try withPipe { input, writeEnd in
      var buffer: [UInt8] = []
      #expect(input.read(atMost: 100, into: &buffer) == .nothing)
      let bytes: [UInt8] = [1, 2, 3]
      _ = unsafe write(writeEnd, bytes, 3)
      #expect(input.read(atMost: 2, into: &buffer) == .bytes(2))
      #expect(buffer[..<2] == [1, 2])
      #expect(input.read(atMost: 2, into: &buffer) == .bytes(1))
      #expect(buffer[0] == 3 && input.read(atMost: 2, into: &buffer) == .nothing)
    }
  }

  @Test func aWriterThatHasGoneIsNoticedAndWhatItWroteIsRead() throws {
    var ends: [Int32] = [-1, -1]
    try #require(unsafe pipe2(&ends, O_CLOEXEC) == 0)
    defer { close(ends[0]) }
    let input = InputDescriptor(ends[0])
    #expect(!input.isHungUp)
    let bytes: [UInt8] = [1, 2, 3]
    _ = unsafe write(ends[1], bytes, 3)
    close(ends[1])
    // A program that another test is just starting has the end too, until it runs.
    var hangUp = pollfd(fd: ends[0], events: 0, revents: 0)
    _ = unsafe poll(&hangUp, 1, 30_000)
    #expect(input.isHungUp && input.waitingBytes == 3)
    var buffer: [UInt8] = []
    #expect(input.read(atMost: 100, into: &buffer) == .bytes(3))
    #expect(input.read(atMost: 100, into: &buffer) == .end)
  }

  @Test func otherThingsAreToldApart() throws {
    #expect(InputDescriptor(-1).kind == .closed)
    let null = unsafe open("/dev/null", O_RDONLY)
    defer { close(null) }
    var buffer: [UInt8] = []
    #expect(InputDescriptor(null).kind == .file)
    #expect(InputDescriptor(null).read(atMost: 1, into: &buffer) == .end)
    let terminal = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
    defer { close(terminal) }
    #expect(InputDescriptor(terminal).kind == .terminal)
  }

  @Test func aWakeUpEndsAWait() throws {
    try withPipe { input, _ in
      let wakeUp = WakeUp()
      wakeUp.signal()
      input.wait(or: wakeUp)
      #expect(!wakeUp.wait(timeout: .zero))
    }
  }
}
