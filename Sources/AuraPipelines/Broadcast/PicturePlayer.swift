internal import AuraHost
internal import AuraStream
internal import Synchronization

/// Holds the picture of an mpv back for as long as the sound takes: sets its `audio-delay` over its
/// JSON IPC (mpv(1), "JSON IPC"), again whenever it has been started anew.
///
/// For a player that does not ask its output how late it is.
package final class PicturePlayer: Sendable {
  private let control: Control
  private let thread: HostThread

  /// Begins to look for mpv.
  ///
  /// - Parameters:
  ///   - path: what mpv was given as `--input-ipc-server`.
  ///   - onChange: told whether mpv is there, whenever that changes; on a thread of its own.
  package init(path: String, onChange: @escaping @Sendable (Bool) -> Void) {
    let control = Control(path: path, onChange: onChange)
    self.control = control
    thread = HostThread(name: "aura-picture") { control.run() }
  }

  /// From now on the sound takes so long. Any thread.
  package func hold(_ delay: Duration) { control.hold(delay) }

  /// Gives mpv its picture back and ends. Call once.
  package func stop() {
    control.stop()
    thread.join()
  }

  /// What is sent: mpv's audio is to be taken for that much earlier.
  static func command(for delay: Duration) -> [UInt8] {
    let milliseconds = Int64(delay.inMilliseconds.rounded())
    let digits = String(milliseconds % 1_000 + 1_000).dropFirst()
    return Array(
      "{\"command\":[\"set_property\",\"audio-delay\",-\(milliseconds / 1_000).\(digits)]}\n".utf8)
  }
}

/// What the thread does, and what others tell it.
private final class Control: Sendable {
  /// How often it is looked whether mpv is there.
  private static let looking = Duration.seconds(1)
  /// Less is not worth a change: mpv's picture would stumble.
  private static let smallest = Duration.milliseconds(5)

  private let path: String
  private let onChange: @Sendable (Bool) -> Void
  private let wanted = Mutex(Duration.zero)
  private let isStopping = Atomic(false)
  private let wakeUp = WakeUp()

  init(path: String, onChange: @escaping @Sendable (Bool) -> Void) {
    self.path = path
    self.onChange = onChange
  }

  func hold(_ delay: Duration) {
    wanted.withLock { $0 = delay }
    wakeUp.signal()
  }

  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
  }

  func run() {
    var connection: LocalConnection?
    var told: Duration?
    while !isStopping.load(ordering: .acquiring) {
      if connection?.discard() == false {
        connection = nil
        told = nil
        onChange(false)
      }
      if connection == nil {
        connection = LocalConnection(path)
        if connection != nil { onChange(true) }
      }
      let delay = wanted.withLock { $0 }
      let isNews = told.map { $0 - delay >= Self.smallest || delay - $0 >= Self.smallest } ?? true
      if isNews, connection?.send(PicturePlayer.command(for: delay)) == true { told = delay }
      wakeUp.wait(timeout: Self.looking)
    }
    if told != nil { _ = connection?.send(PicturePlayer.command(for: .zero)) }
  }
}
