import AuraHost
import Glibc
import Testing

@Suite struct OwnedDirectoryTests {
  @Test func onlyTheDeadLeaveLeftovers() throws {
    let parent = try TemporaryDirectory()
    let mine = try #require(OwnedDirectory.make(in: parent.path, prefix: "x"))
    let second = try #require(OwnedDirectory.make(in: parent.path, prefix: "x"))
    #expect(mine.path != second.path)
    let dead = Int32.max
    // Unlocked: its owner is dead, whoever has its number now.
    for name in ["x-\(getpid())-77", "x-\(dead)-1"] {
      #expect(HostFiles.makeDirectory("\(parent.path)/\(name)"))
      #expect(HostFiles.write("", to: "\(parent.path)/\(name)/owner"))
      #expect(HostFiles.makeDirectory("\(parent.path)/\(name)/inner"))
    }
    // Without a lock the number decides: this one may be being made right now.
    #expect(HostFiles.makeDirectory("\(parent.path)/x-\(getpid())-78"))
    #expect(HostFiles.makeDirectory("\(parent.path)/x-\(dead)-2"))
    let others = ["x-", "x-1", "x-a-b", "x-1-2-3", "y-1-2", "x"]
    for name in others { #expect(HostFiles.makeDirectory("\(parent.path)/\(name)")) }
    #expect(OwnedDirectory.all(in: parent.path, prefix: "x").count == 6)
    OwnedDirectory.removeLeftovers(in: parent.path, prefix: "x")
    let ours = [mine.path, second.path, "\(parent.path)/x-\(getpid())-78"]
    #expect(
      Set(HostFiles.names(in: parent.path).map { "\(parent.path)/\($0)" })
        == Set(ours + others.map { "\(parent.path)/\($0)" }))
    mine.remove()
    #expect(HostFiles.ownerOfDirectory(mine.path) == nil)
  }

  @Test func nobodyElseMayEnter() throws {
    let parent = try TemporaryDirectory()
    let made = try #require(OwnedDirectory.make(in: parent.path, prefix: "x"))
    var status = stat()
    #expect(unsafe stat(made.path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    #expect(OwnedDirectory.make(in: "/nowhere", prefix: "x") == nil)
  }

  @Test func sockets() throws {
    let parent = try TemporaryDirectory()
    let path = "\(parent.path)/socket"
    #expect(LocalSocket.look(at: path) == .missing)
    #expect(LocalSocket.look(at: String(repeating: "x", count: 200)) == .missing)
    let listener = try #require(ListeningLocalSocket(path))
    #expect(LocalSocket.look(at: path) == .listening(processID: getpid()))
    listener.close()
    // A process that another test is just starting may hold it for a moment more.
    #expect(eventually { LocalSocket.look(at: path) == .stale })
  }
}

/// A Unix socket that listens.
struct ListeningLocalSocket {
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
    guard bound == 0, listen(descriptor, 8) == 0 else { return nil }
  }

  func close() { Glibc.close(descriptor) }
}
