internal import AuraStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// A program we have started. It does not outlive us, and leaves no zombie.
///
/// A thread of its own starts it and then waits for its end. The kernel takes a child along when
/// the THREAD that started it ends (PR_SET_PDEATHSIG); this thread lives exactly as long as the
/// child does, so only the end of our whole process, SIGKILL included, can trigger that. It is
/// also why posix_spawn, which knows nothing of it, is not used.
package final class ChildProcess: Sendable {
  /// How a program has ended.
  package enum Exit: Equatable, Sendable {
    case code(Int32)
    case signal(Int32)

    /// As shells tell it: the code, or 128 + the signal.
    package var shellCode: Int32 {
      switch self {
      case .code(let code): code
      case .signal(let number): 128 + number
      }
    }
  }

  /// What one of the three standard streams is connected to.
  package enum Stream: Equatable, Sendable {
    /// What ours is connected to.
    case inherit
    /// Nothing: end of file to read, gone when written.
    case null
    /// A file, made anew; for output.
    case file(String)
    /// An open descriptor; the child gets a copy.
    case descriptor(Int32)
  }

  /// A program and how to start it.
  package struct Request: Sendable {
    /// A path, or a name to look for in the PATH of `environment`.
    package var program: String
    package var arguments: [String]
    /// All of its environment; nil: ours.
    package var environment: [String: String]?
    package var standardInput = Stream.null
    package var standardOutput = Stream.inherit
    package var standardError = Stream.inherit
    /// A process group of its own: signals reach everything it starts, and Ctrl-C in a terminal
    /// does not reach it. A program that is to read the terminal needs false.
    package var hasOwnGroup = true
    /// Whether what it has started and left behind is killed when it ends by itself; only with
    /// a group of its own.
    package var takesGroupAlong = false
    /// Whether it is killed when we end, in whatever way. What it has started itself is not.
    package var diesWithUs = true

    package init(_ program: String, _ arguments: [String] = []) {
      self.program = program
      self.arguments = arguments
    }
  }

  /// Its process id; of a process that may have ended.
  package let processID: Int32
  private let hasOwnGroup: Bool
  private let takesGroupAlong: Bool
  private let state = Mutex(State())
  /// Signalled once at the end and never drained.
  private let ended = WakeUp()

  private struct State {
    var exit: Exit?
    /// While it is not, its process id cannot have become that of another process.
    var isReaped = false
    /// What else the child had started when it was asked to end (only without a group).
    var companions: [ProcessTable.Entry] = []
    var isTerminating = false
  }

  private init(processID: Int32, _ request: Request) {
    self.processID = processID
    hasOwnGroup = request.hasOwnGroup
    takesGroupAlong = request.takesGroupAlong
  }

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - request: what to start, and how.
  ///   - onExit: called once when it has ended, on a thread of its own; it must not wait for
  ///     this child.
  /// - Returns: the running child.
  /// - Throws: `ChildProcessError` when it cannot be started.
  package static func start(
    _ request: Request, onExit: @escaping @Sendable (Exit) -> Void = { _ in }
  ) throws(ChildProcessError) -> ChildProcess {
    let environment = request.environment ?? hostEnvironment
    guard
      let path = HostFiles.program(
        request.program, searchPath: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
    else { throw ChildProcessError(program: request.program, code: ENOENT) }
    let streams = try OpenStreams(request)
    let outcome = Outcome()
    _ = HostThread(name: "aura-child") { [descriptors = streams.descriptors] in
      pthread_detach(pthread_self())
      let pid = startProcess(path, request, environment, descriptors)
      guard pid > 0 else {
        outcome.resolve(.failure(ChildProcessError(program: request.program, code: -pid)))
        return
      }
      let child = ChildProcess(processID: pid, request)
      outcome.resolve(.success(child))
      child.awaitEnd(onExit)
    }
    defer { streams.close() }
    return try outcome.wait()
  }

  private func awaitEnd(_ onExit: (Exit) -> Void) {
    let status = aura_await_exit(processID)
    let exit = status >= 256 ? Exit.signal(status - 256) : .code(status)
    state.withLock { state in
      if state.isTerminating || takesGroupAlong { endRemains(state.companions) }
      aura_reap(processID)
      state.isReaped = true
      state.exit = exit
    }
    ended.signal()
    onExit(exit)
  }

  /// How it has ended; nil while it runs.
  package var exit: Exit? { state.withLock(\.exit) }

  /// Readable from its end on, for poll(2) and epoll(7); do not read from it.
  package var exitDescriptor: Int32 { ended.fileDescriptor }

  /// Waits for its end, from any number of threads.
  ///
  /// - Parameter timeout: nil waits for ever.
  /// - Returns: nil when it still runs.
  @discardableResult
  package func wait(timeout: Duration? = nil) -> Exit? {
    awaitReadable(ended.fileDescriptor, timeout: timeout)
    return exit
  }

  /// Sends it a signal, and everything it has started when it has a group of its own. One that
  /// has ended is left alone.
  package func send(_ signal: Int32) {
    state.withLock { state in
      guard !state.isReaped else { return }
      kill(hasOwnGroup ? -processID : processID, signal)
    }
  }

  /// Asks it to end (SIGTERM), as the first half of `terminate`; does not wait.
  package func requestEnd() { send(SIGTERM) }

  /// Ends it and what it has started: asks first (SIGTERM), kills after `grace`. Waits for the
  /// end, which comes at the latest shortly after `grace`. Any thread, any number of times.
  @discardableResult
  package func terminate(grace: Duration) -> Exit? {
    let companions = hasOwnGroup ? [] : ProcessTable.descendants(of: processID)
    let isRunning = state.withLock { state in
      guard state.exit == nil else { return false }
      state.isTerminating = true
      state.companions = companions
      return true
    }
    guard isRunning else { return exit }
    send(SIGTERM)
    companions.forEach { signalIfSame($0, SIGTERM) }
    // A stopped process takes no notice of SIGTERM.
    send(SIGCONT)
    if let exit = wait(timeout: grace) { return exit }
    send(SIGKILL)
    // Not even SIGKILL ends a process that waits for a broken disk.
    return wait(timeout: .seconds(2))
  }

  /// The child is a zombie still, so its group is no other's.
  private func endRemains(_ companions: [ProcessTable.Entry]) {
    if hasOwnGroup { kill(-processID, SIGKILL) }
    companions.forEach { signalIfSame($0, SIGKILL) }
  }
}

private func signalIfSame(_ entry: ProcessTable.Entry, _ signal: Int32) {
  guard ProcessTable.entry(entry.processID)?.startTicks == entry.startTicks else { return }
  kill(entry.processID, signal)
}

/// The descriptors of a new process's standard streams.
private struct OpenStreams {
  let descriptors: [Int32]
  private let opened: [Int32]

  init(_ request: ChildProcess.Request) throws(ChildProcessError) {
    var descriptors: [Int32] = []
    var opened: [Int32] = []
    let streams = [request.standardInput, request.standardOutput, request.standardError]
    for (number, stream) in streams.enumerated() {
      let (descriptor, isOpened) = Self.open(stream, number: Int32(number))
      guard descriptor >= 0 else {
        let code = errno
        opened.forEach { Glibc.close($0) }
        throw ChildProcessError(program: request.program, code: code)
      }
      descriptors.append(descriptor)
      if isOpened { opened.append(descriptor) }
    }
    self.descriptors = descriptors
    self.opened = opened
  }

  /// Closes what was opened for them; once the process has its copies.
  func close() { opened.forEach { Glibc.close($0) } }

  private static func open(
    _ stream: ChildProcess.Stream, number: Int32
  ) -> (descriptor: Int32, isOpened: Bool) {
    switch stream {
    case .inherit: (number, false)
    case .descriptor(let descriptor): (descriptor, false)
    case .null: (unsafe Glibc.open("/dev/null", O_RDWR | O_CLOEXEC), true)
    case .file(let path):
      (unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600), true)
    }
  }
}

/// Whether a program could be started; told by its thread to the one that asked.
private final class Outcome: Sendable {
  private let result = Mutex<Result<ChildProcess, ChildProcessError>?>(nil)
  private let isThere = WakeUp()

  func resolve(_ value: Result<ChildProcess, ChildProcessError>) {
    result.withLock { $0 = value }
    isThere.signal()
  }

  func wait() throws(ChildProcessError) -> ChildProcess {
    while true {
      if let value = result.withLock({ $0 }) { return try value.get() }
      isThere.wait(timeout: nil)
    }
  }
}

/// - Returns: the new process's id, or a negative errno.
private func startProcess(
  _ path: String, _ request: ChildProcess.Request, _ environment: [String: String],
  _ streams: [Int32]
) -> Int32 {
  unsafe withCStrings([request.program] + request.arguments) { arguments in
    unsafe withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
      unsafe aura_start_process(
        path, arguments, environment, streams, request.hasOwnGroup ? 1 : 0,
        request.diesWithUs ? SIGKILL : 0)
    }
  }
}

/// Calls `body` with C's array of C strings, which ends with a null pointer.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  unsafe withUnsafeTemporaryAllocation(
    of: UnsafeMutablePointer<CChar>?.self, capacity: texts.count + 1
  ) { (strings: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>) in
    for (index, text) in texts.enumerated() {
      unsafe strings.initializeElement(at: index, to: strdup(text))
    }
    unsafe strings.initializeElement(at: texts.count, to: nil)
    defer { for index in texts.indices { unsafe free(strings[index]) } }
    guard let base = strings.baseAddress else {
      preconditionFailure("an allocation of at least one element has an address")
    }
    return unsafe body(base)
  }
}

/// Waits until a descriptor can be read, without reading; nil waits for ever.
@discardableResult
func awaitReadable(_ descriptor: Int32, timeout: Duration?) -> Bool {
  let deadline = timeout.map { HostClock.now + $0 }
  while true {
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let left = deadline.map { max(0, ($0 - HostClock.now).inNanoseconds) }
    // Rounded up, or the last millisecond would be spent in a busy loop.
    let milliseconds = left.map { Int32(clamping: ($0 + 999_999) / 1_000_000) } ?? -1
    if unsafe poll(&watched, 1, milliseconds) > 0 { return true }
    if let deadline, HostClock.now >= deadline { return false }
  }
}
