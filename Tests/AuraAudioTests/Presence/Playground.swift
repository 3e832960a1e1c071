import AuraHost
import AuraStream
import Glibc

/// A directory of a test's own, with sockets in it; removed with it.
final class Playground: Sendable {
  let path: String

  struct Failure: Error {}

  init() {
    var template = Array("/tmp/auralync-test.XXXXXX".utf8CString)
    path = unsafe mkdtemp(&template).map { unsafe String(cString: $0) } ?? "/nowhere"
  }

  deinit { HostFiles.removeTree(path) }

  /// Makes a directory in it, with those that lead there.
  @discardableResult
  func directory(_ name: String) -> String {
    var place = path
    for part in name.split(separator: "/") {
      place += "/\(part)"
      _ = HostFiles.makeDirectory(place)
    }
    return place
  }

  /// A socket in it that somebody listens on: we.
  func listen(_ name: String) throws -> Listener {
    let parts = name.split(separator: "/")
    directory(parts.dropLast().joined(separator: "/"))
    guard let listener = Listener("\(path)/\(name)") else { throw Failure() }
    return listener
  }

  /// A program of this name that listens on a socket and does nothing else.
  func start(_ name: String, listeningOn socket: String) throws -> ChildProcess {
    let program = "\(path)/\(name)"
    unsafe symlink("/usr/bin/python3", program)
    let script = """
      import socket, sys, time
      s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(600)
      """
    return try ChildProcess.start(ChildProcess.Request(program, ["-c", script, socket]))
  }

  func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = HostClock.now + .seconds(10)
    while !condition() {
      guard HostClock.now < deadline else { return false }
      usleep(5_000)
    }
    return true
  }

  /// A Unix socket that listens until it is closed.
  struct Listener {
    private let descriptor: Int32

    init?(_ path: String) {
      var address = sockaddr_un()
      address.sun_family = UInt16(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &address.sun_path) {
        unsafe $0.copyBytes(from: Array(path.utf8))
      }
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      let length = socklen_t(MemoryLayout<sockaddr_un>.size)
      let bound = unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe bind(descriptor, $0, length)
        }
      }
      guard bound == 0, Glibc.listen(descriptor, 64) == 0 else { return nil }
    }

    func close() { Glibc.close(descriptor) }
  }
}
