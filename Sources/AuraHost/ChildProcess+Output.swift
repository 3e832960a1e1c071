internal import AuraStream
internal import CLinux
internal import Glibc

extension ChildProcess {
  /// Runs a program and takes what it writes to its standard output; never waits longer than
  /// `timeout` and a moment.
  ///
  /// - Parameters:
  ///   - request: what to run; its standard output is replaced, and it gets a group of its own.
  ///   - timeout: after it the program is killed.
  ///   - limit: the most bytes that are taken; then the program is killed.
  /// - Returns: nil when it cannot be started, fails, takes too long or writes too much.
  package static func output(
    of request: Request, timeout: Duration, limit: Int = 4 << 20
  ) -> String? {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { return nil }
    defer { close(ends[0]) }
    // The child's end blocks, as programs expect.
    _ = fcntl(ends[1], F_SETFL, 0)
    var request = request
    request.standardOutput = .descriptor(ends[1])
    // Or something left behind could hold the pipe open.
    request.hasOwnGroup = true
    request.takesGroupAlong = true
    let child = try? start(request)
    close(ends[1])
    guard let child else { return nil }
    let deadline = HostClock.now + timeout
    guard let bytes = readToEnd(ends[0], deadline: deadline, limit: limit),
      child.wait(timeout: deadline - HostClock.now) == .code(0)
    else {
      child.terminate(grace: .zero)
      return nil
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func readToEnd(
    _ descriptor: Int32, deadline: HostTime, limit: Int
  ) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      guard awaitReadable(descriptor, timeout: deadline - HostClock.now) else { return nil }
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count > 0 { bytes += buffer[..<count] } else if errno != EAGAIN { return nil }
    }
    return nil
  }
}
