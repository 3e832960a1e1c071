import AuraHost
import AuraStream
import Glibc
import Synchronization
import Testing

@Suite struct ChildProcessTests {
  private func shell(_ script: String) -> ChildProcess.Request {
    ChildProcess.Request("sh", ["-c", script])
  }

  @Test func exitCodeAndCallback() throws {
    let told = Mutex<[ChildProcess.Exit]>([])
    let wakeUp = WakeUp()
    let child = try ChildProcess.start(shell("exit 42")) { exit in
      told.withLock { $0.append(exit) }
      wakeUp.signal()
    }
    #expect(child.wait(timeout: .seconds(10)) == .code(42))
    #expect(wakeUp.wait(timeout: .seconds(10)))
    #expect(told.withLock { $0 } == [.code(42)])
    #expect(ProcessTable.entry(child.processID) == nil, "a zombie stays behind")
    #expect(awaitedTwice(child) == .code(42))
  }

  private func awaitedTwice(_ child: ChildProcess) -> ChildProcess.Exit? {
    child.wait(timeout: nil)
    return child.wait(timeout: .zero)
  }

  @Test func endBySignal() throws {
    let child = try ChildProcess.start(shell("kill -USR1 $$"))
    let exit = child.wait(timeout: .seconds(10))
    #expect(exit == .signal(SIGUSR1))
    #expect(exit?.shellCode == 128 + SIGUSR1)
  }

  @Test func missingAndUnfitPrograms() throws {
    for (program, kind) in [
      ("no-such-program-anywhere", ChildProcessError.Kind.notFound), ("/nowhere/x", .notFound),
      ("/etc/passwd", .notExecutable), ("/tmp", .notExecutable),
    ] {
      let error = #expect(throws: ChildProcessError.self) {
        try ChildProcess.start(ChildProcess.Request(program))
      }
      #expect(error?.kind == kind, "\(program)")
      #expect(error?.description.contains(program) == true)
    }
  }

  @Test func argumentsEnvironmentAndOutput() throws {
    var request = shell(#"printf '%s|%s|%s' "$1" "$AURA_TEST" "$(cat)""#)
    request.arguments += ["name", "two words"]
    request.environment = ["PATH": "/usr/bin:/bin", "AURA_TEST": "a=b c"]
    #expect(ChildProcess.output(of: request, timeout: .seconds(10)) == "two words|a=b c|")
  }

  @Test func streamsIntoFiles() throws {
    let directory = try TemporaryDirectory()
    var request = shell("echo out; echo err >&2")
    request.standardOutput = .file("\(directory.path)/out")
    request.standardError = .file("\(directory.path)/err")
    #expect(try ChildProcess.start(request).wait(timeout: .seconds(10)) == .code(0))
    #expect(HostFiles.text(of: "\(directory.path)/out") == "out\n")
    #expect(HostFiles.text(of: "\(directory.path)/err") == "err\n")
  }

  /// The child gets the three streams and nothing else that we have open.
  @Test func noOtherDescriptorsAreInherited() throws {
    let open = unsafe Glibc.open("/dev/null", O_RDONLY)
    defer { close(open) }
    // ls itself opens the directory.
    let listing = ChildProcess.output(
      of: ChildProcess.Request("ls", ["/proc/self/fd"]), timeout: .seconds(10))
    #expect(listing == "0\n1\n2\n3\n")
  }

  @Test func signalsAreAsProgramsExpect() throws {
    signal(SIGPIPE, SIG_IGN)
    let status = ChildProcess.output(
      of: shell("grep -E 'Sig(Blk|Ign)' /proc/self/status"), timeout: .seconds(10))
    let masks = (status ?? "").split(separator: "\n").compactMap { line in
      line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
    }
    #expect(masks.count == 2)
    #expect(masks.first == 0, "signals are blocked in the child")
    #expect(
      masks.last.map { $0 >> (UInt64(SIGPIPE) - 1) & 1 } == 0, "SIGPIPE is ignored in the child")
  }

  @Test func terminateAsksFirst() throws {
    let directory = try TemporaryDirectory()
    let ready = "\(directory.path)/ready"
    let child = try ChildProcess.start(
      shell("trap 'exit 7' TERM; touch \(ready); while :; do sleep 0.02; done"))
    try #require(eventually { HostFiles.text(of: ready) != nil })
    #expect(child.terminate(grace: .seconds(10)) == .code(7))
    #expect(child.terminate(grace: .seconds(10)) == .code(7))
  }

  @Test func terminateKillsWhoDoesNotListen() throws {
    let directory = try TemporaryDirectory()
    let grandchild = "\(directory.path)/grandchild"
    let child = try ChildProcess.start(
      shell(
        "trap '' TERM; sleep 600 & echo $! > \(grandchild).new; mv \(grandchild).new \(grandchild); wait; sleep 600"
      ))
    try #require(eventually { HostFiles.text(of: grandchild) != nil })
    let pid = try #require(HostFiles.text(of: grandchild).flatMap { Int32($0.trimmed) })
    #expect(child.terminate(grace: .milliseconds(50)) == .signal(SIGKILL))
    #expect(eventually { isGone(pid) }, "what it had started lives on")
  }

  @Test func terminateEndsAStoppedProcess() throws {
    let child = try ChildProcess.start(shell("kill -STOP $$; sleep 600"))
    try #require(
      eventually { HostFiles.text(of: "/proc/\(child.processID)/stat")?.contains(") T ") == true })
    #expect(child.terminate(grace: .seconds(10)) == .signal(SIGTERM))
  }

  @Test(arguments: [true, false])
  func whatItStartedEndsWithIt(hasOwnGroup: Bool) throws {
    let directory = try TemporaryDirectory()
    let file = "\(directory.path)/pid"
    var request = shell("sleep 600 & echo $! > \(file).new; mv \(file).new \(file); wait")
    request.hasOwnGroup = hasOwnGroup
    let child = try ChildProcess.start(request)
    try #require(eventually { HostFiles.text(of: file) != nil })
    let pid = try #require(HostFiles.text(of: file).flatMap { Int32($0.trimmed) })
    // The program that gave the file its name may not have been fetched yet.
    #expect(eventually { ProcessTable.descendants(of: child.processID).map(\.processID) == [pid] })
    #expect(child.terminate(grace: .seconds(10)) == .signal(SIGTERM))
    #expect(eventually { isGone(pid) })
  }

  @Test func outputNeverHangs() throws {
    let start = HostClock.now
    // What is left behind would keep the pipe open.
    #expect(ChildProcess.output(of: shell("echo x; sleep 600 &"), timeout: .seconds(10)) == "x\n")
    #expect(ChildProcess.output(of: shell("sleep 600"), timeout: .milliseconds(200)) == nil)
    #expect(ChildProcess.output(of: shell("yes"), timeout: .seconds(20), limit: 100_000) == nil)
    #expect(ChildProcess.output(of: shell("echo x; exit 3"), timeout: .seconds(20)) == nil)
    #expect(HostClock.now - start < .seconds(60))
  }

  @Test func manyAtOnceLeaveNothing() throws {
    let before = descriptors
    for _ in 0..<15 {
      let children = try (0..<40).map { index in
        (index, try ChildProcess.start(shell("exit \(index)")))
      }
      for (index, child) in children {
        #expect(child.wait(timeout: .seconds(20)) == .code(Int32(index)))
      }
    }
    // Other tests open and close some descriptors meanwhile; six hundred children have gone.
    #expect(descriptors < before + 400)
  }

  /// What is open in this process besides sockets, of which other tests may have a thousand.
  private var descriptors: Int {
    HostFiles.names(in: "/proc/self/fd").count { name in
      var target = [CChar](repeating: 0, count: 64)
      let length = unsafe readlink("/proc/self/fd/\(name)", &target, target.count)
      let text = target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }
      return !String(decoding: text, as: UTF8.self).hasPrefix("socket:")
    }
  }
}

@Suite struct ProcessTableTests {
  @Test func namesMayContainAnything() {
    let numbers = (4...52).map(String.init).joined(separator: " ")
    let entry = ProcessTable.Entry(stat: "77 (a) R (b) S 3 \(numbers)")
    #expect(entry?.processID == 77 && entry?.parentID == 3 && entry?.name == "a) R (b")
    #expect(entry?.startTicks == 21)
    #expect(ProcessTable.Entry(stat: "") == nil)
    #expect(ProcessTable.Entry(stat: "77 (x) S 3") == nil)
  }

  @Test func ourselves() throws {
    let entry = try #require(ProcessTable.entry(getpid()))
    #expect(entry.parentID == getppid() && !entry.isZombie)
    #expect(ProcessTable.entry(-1) == nil)
  }
}
