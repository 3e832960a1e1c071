internal import AuraStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// The keys of the terminal that standard input is, as they are pressed, and unseen, until `stop`.
///
/// Ctrl-C and Ctrl-Z mean what they always do; Ctrl-\ does nothing, for it would leave the terminal
/// changed. It is as it was at the end, while the process is stopped, and when a second Ctrl-C ends
/// it at once. In the background it is left alone.
package final class TerminalKeys: Sendable {
  /// How often it is looked whether we are in the foreground by now.
  private static let looking = Duration.milliseconds(500)

  private let isStopping = Atomic(false)
  private let thread = Mutex<HostThread?>(nil)

  /// Begins to read. One at a time in a process, and after `SignalWakeUp.install()`.
  ///
  /// - Parameter onKeys: told the bytes that came at once, on a thread of its own; of none when no
  ///   more will come. It must not wait.
  package init(onKeys: @escaping @Sendable (ArraySlice<UInt8>) -> Void) {
    TerminalMode.takeSuspension()
    thread.withLock { $0 = HostThread(name: "aura-keys") { [self] in read(onKeys) } }
  }

  /// Makes the terminal what it was; returns when it is.
  package func stop() {
    isStopping.store(true, ordering: .releasing)
    TerminalMode.wakeUp.signal()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  private func read(_ onKeys: (ArraySlice<UInt8>) -> Void) {
    let input = InputDescriptor(STDIN_FILENO)
    var bytes: [UInt8] = []
    defer {
      TerminalMode.restore()
      TerminalMode.leaveSuspension()
    }
    while !isStopping.load(ordering: .acquiring) {
      TerminalMode.suspendIfAsked()
      guard TerminalMode.isOurs else {
        TerminalMode.wakeUp.wait(timeout: Self.looking)
        continue
      }
      TerminalMode.enter()
      input.wait(or: TerminalMode.wakeUp)
      // To read in the background would stop us.
      guard TerminalMode.isOurs else { continue }
      switch input.read(atMost: 64, into: &bytes) {
      case .bytes(let count): onKeys(bytes.prefix(count))
      case .nothing: break
      case .end, .failed: return onKeys([])
      }
    }
  }
}
