import AuraHost
import AuraStream
import Glibc
import Testing

@Suite struct HostFilesTests {
  @Test func treesGoButNotWhatLinksPointTo() throws {
    let directory = try TemporaryDirectory()
    let (tree, kept) = ("\(directory.path)/tree", "\(directory.path)/kept")
    unsafe mkdir(tree, 0o700)
    unsafe mkdir("\(tree)/inner", 0o700)
    unsafe mkdir(kept, 0o700)
    #expect(HostFiles.write("x", to: "\(tree)/inner/file"))
    #expect(HostFiles.write("y", to: "\(kept)/file"))
    unsafe symlink(kept, "\(tree)/link")
    #expect(HostFiles.removeTree(tree))
    #expect(HostFiles.names(in: directory.path) == ["kept"])
    #expect(HostFiles.text(of: "\(kept)/file") == "y")
    #expect(!HostFiles.removeTree(tree))
  }

  @Test func filesAreForUsAlone() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/file"
    #expect(HostFiles.write("ä€", to: path))
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(HostFiles.text(of: path) == "ä€")
    #expect(HostFiles.text(of: path, limit: 2) == "ä")
    #expect(HostFiles.text(of: directory.path) == nil)
    #expect(HostFiles.ownerOfDirectory(directory.path) == getuid())
    #expect(HostFiles.ownerOfDirectory(path) == nil)
  }

  @Test func programsAreFoundAsShellsDo() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/tool"
    #expect(HostFiles.write("#!/bin/sh\n", to: path))
    #expect(HostFiles.program("tool", searchPath: directory.path) == nil)
    unsafe chmod(path, 0o700)
    #expect(HostFiles.program("tool", searchPath: "/nowhere:\(directory.path)") == path)
    #expect(HostFiles.program("./tool", searchPath: "") == "./tool")
    #expect(HostFiles.program("tool", searchPath: "") == nil)
  }

  @Test func environment() {
    setHostEnvironment(["AURALYNC_TEST_VARIABLE": "a=b"])
    #expect(hostEnvironment["AURALYNC_TEST_VARIABLE"] == "a=b")
    setHostEnvironment(["AURALYNC_TEST_VARIABLE": nil])
    #expect(hostEnvironment["AURALYNC_TEST_VARIABLE"] == nil)
  }
}

@Suite struct SignalWakeUpTests {
  @Test func aSignalWakes() {
    // Whoever runs the tests may have had it ignored.
    signal(SIGHUP, SIG_DFL)
    SignalWakeUp.install()
    #expect(SignalWakeUp.received == nil)
    kill(getpid(), SIGHUP)
    #expect(SignalWakeUp.wakeUp.wait(timeout: .seconds(10)))
    #expect(SignalWakeUp.received == .hangUp)
    // The first stays: it says why we end.
    kill(getpid(), SIGTERM)
    #expect(SignalWakeUp.wakeUp.wait(timeout: .seconds(10)))
    #expect(SignalWakeUp.received == .hangUp)
    kill(getpid(), SIGPIPE)
  }
}

@Suite struct TerminalInfoTests {
  @Test func whatIsNoTerminalHasNoWidth() {
    for stream in [TerminalInfo.Stream.input, .output, .error]
    where !TerminalInfo.isTerminal(stream) {
      #expect(TerminalInfo.columns(stream) == nil)
    }
  }
}
