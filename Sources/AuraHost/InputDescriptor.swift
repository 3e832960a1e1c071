internal import AuraStream
internal import CLinux
internal import Glibc

/// A file descriptor that bytes are read from without ever waiting in the read, such as stdin.
///
/// It is not made non-blocking, for that would change it for every program that shares it; it is
/// asked what is there and only that is read. Does not own the descriptor. For one thread.
package struct InputDescriptor: Sendable {
  /// What is on the other side.
  package enum Kind: Sendable {
    /// A pipe, FIFO or socket: somebody writes to it.
    case stream
    /// A file: everything is there already.
    case file
    case terminal
    /// Not open for reading.
    case closed
  }

  /// What could be read.
  package enum Result: Equatable, Sendable {
    case bytes(Int)
    /// Nothing is there yet.
    case nothing
    case end
    /// What the system says is wrong.
    case failed(String)
  }

  /// The descriptor's number.
  package let number: Int32
  /// What it was when this value was made.
  package let kind: Kind

  /// An open descriptor; it must outlive this value.
  package init(_ number: Int32) {
    self.number = number
    kind = Self.kind(of: number)
  }

  private static func kind(of number: Int32) -> Kind {
    var status = stat()
    guard unsafe fstat(number, &status) == 0 else { return .closed }
    if isatty(number) == 1 { return .terminal }
    switch status.st_mode & S_IFMT {
    case S_IFIFO, S_IFSOCK: return .stream
    default: return .file
    }
  }

  /// Bytes that wait to be read; nil where the system does not know.
  package var waitingBytes: Int? {
    let count = aura_readable_bytes(number)
    return count < 0 ? nil : Int(count)
  }

  /// Whether the writer has gone; what it wrote last may still wait.
  package var isHungUp: Bool {
    var request = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&request, 1, 0) > 0 && Int32(request.revents) & POLLHUP != 0
  }

  /// Whether a writer would have to wait now.
  ///
  /// The bytes waiting cannot tell: a pipe is full when its pages are in use, be they half empty.
  /// So its other side is opened for a moment and asked; where that is not possible (a socket,
  /// another user's pipe), half of a pipe's usual capacity counts as full.
  package var isFull: Bool {
    let side = unsafe open("/proc/self/fd/\(number)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    guard kind == .stream, side >= 0 else {
      if side >= 0 { close(side) }
      return (waitingBytes ?? 0) >= 32_768
    }
    defer { close(side) }
    var request = pollfd(fd: side, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&request, 1, 0) == 0
  }

  /// Waits until something can be read, the writer has gone, or somebody gives the wake-up.
  package func wait(or wakeUp: WakeUp) {
    var requests = [
      pollfd(fd: number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeUp.fileDescriptor, events: Int16(POLLIN), revents: 0),
    ]
    _ = unsafe poll(&requests, 2, -1)
    if requests[1].revents != 0 { wakeUp.drain() }
  }

  /// Reads what is there, without waiting.
  ///
  /// - Parameters:
  ///   - limit: the most bytes wanted.
  ///   - buffer: overwritten from its beginning; grows to `limit`.
  /// - Returns: how many bytes were read, or why there were none.
  package func read(atMost limit: Int, into buffer: inout [UInt8]) -> Result {
    guard limit > 0 else { return .nothing }
    var request = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&request, 1, 0) > 0 else { return .nothing }
    if buffer.count < limit {
      buffer.append(contentsOf: repeatElement(0, count: limit - buffer.count))
    }
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe Glibc.read(number, bytes.baseAddress, limit)
    }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .end }
    if errno == EINTR || errno == EAGAIN { return .nothing }
    return .failed(unsafe String(cString: strerror(errno)))
  }
}
