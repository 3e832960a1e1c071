internal import Glibc
internal import Synchronization

/// Standard output: lines for people, or one JSON object a line.
///
/// Any thread may write; a line is one write(2), so lines never mix. When nobody reads any more
/// (the pipe is closed) everything further is dropped, and `whenGone` is called once. SIGPIPE must
/// be ignored; `Program` sees to that.
final class Output: Sendable {
  let format: LogFormat
  private let descriptor: Int32
  private let whenGone: @Sendable () -> Void
  private let isGone = Mutex(false)

  /// - Parameters:
  ///   - format: what `event` writes.
  ///   - descriptor: where to; it stays the caller's.
  ///   - whenGone: called on the writing thread when nobody reads any more.
  init(
    format: LogFormat, descriptor: Int32 = STDOUT_FILENO,
    whenGone: @escaping @Sendable () -> Void = {}
  ) {
    self.format = format
    self.descriptor = descriptor
    self.whenGone = whenGone
  }

  /// Whether what is written can still be read.
  var isOpen: Bool { isGone.withLock { !$0 } }

  /// Writes what happened: in json the object, in text the sentence.
  ///
  /// - Parameters:
  ///   - name: the object's "event".
  ///   - fields: an object whose members follow "time" and "event".
  ///   - text: what people read; nil writes nothing in text.
  func event(_ name: String, _ fields: JSONValue = [:], text: @autoclosure () -> String?) {
    switch format {
    case .json:
      var members: [JSONValue.Member] = [
        .init(name: "time", value: .string(currentTimeRFC3339())),
        .init(name: "event", value: .string(name)),
      ]
      if case .object(let more) = fields { members += more }
      line(JSONValue.object(members).json)
    case .text:
      if let text = text() { line(text) }
    }
  }

  /// Writes one line as it is, whatever the format; control characters in it are made harmless.
  func line(_ text: String) { write(text.withoutControlCharacters + "\n") }

  /// Writes exactly this, in one call where the system takes it whole.
  func write(_ text: String) {
    let hasJustGone = isGone.withLock { isGone in
      guard !isGone else { return false }
      isGone = !writeAll(Array(text.utf8), to: descriptor)
      return isGone
    }
    if hasJustGone { whenGone() }
  }
}

/// Writes all bytes, waiting where needed.
///
/// - Returns: false when nobody can read them any more.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  var sent = 0
  while sent < bytes.count {
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent)
    }
    if count >= 0 {
      sent += count
    } else if errno == EAGAIN {
      var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      unsafe poll(&wait, 1, -1)
    } else if errno != EINTR {
      return false
    }
  }
  return true
}

/// Now, as RFC 3339 writes it in UTC: `2030-01-31T23:59:59.123Z`.
func currentTimeRFC3339() -> String {
  var now = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &now)
  var parts = unsafe tm()
  unsafe gmtime_r(&now.tv_sec, &parts)
  func digits(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
  let date = unsafe [
    digits(Int(parts.tm_year) + 1900, 4), digits(Int(parts.tm_mon) + 1, 2),
    digits(Int(parts.tm_mday), 2),
  ]
  let time = unsafe [
    digits(Int(parts.tm_hour), 2), digits(Int(parts.tm_min), 2), digits(Int(parts.tm_sec), 2),
  ]
  return date.joined(separator: "-") + "T" + time.joined(separator: ":") + "."
    + digits(now.tv_nsec / 1_000_000, 3) + "Z"
}
