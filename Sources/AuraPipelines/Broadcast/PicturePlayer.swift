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
  ///   - delay: tells how long the sound takes now; asked again and again.
  ///   - onChange: told whether mpv is there, whenever that changes; on a thread of its own.
  package init(
    path: String, delay: @escaping @Sendable () -> Duration,
    onChange: @escaping @Sendable (Bool) -> Void
  ) {
    let control = Control(path: path, delay: delay, onChange: onChange)
    self.control = control
    thread = HostThread(name: "aura-picture") { control.run() }
  }

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
  /// How often it is looked whether mpv is there, and whether the delay has moved.
  private static let looking = Duration.milliseconds(500)
  /// Less is not worth a change: mpv's picture would stumble.
  private static let smallest = Duration.milliseconds(5)

  private let path: String
  private let delay: @Sendable () -> Duration
  private let onChange: @Sendable (Bool) -> Void
  private let isStopping = Atomic(false)
  private let wakeUp = WakeUp()

  init(
    path: String, delay: @escaping @Sendable () -> Duration,
    onChange: @escaping @Sendable (Bool) -> Void
  ) {
    self.path = path
    self.delay = delay
    self.onChange = onChange
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
      let delay = delay()
      let isNews = told.map { $0 - delay >= Self.smallest || delay - $0 >= Self.smallest } ?? true
      if isNews, connection?.send(PicturePlayer.command(for: delay)) == true { told = delay }
      wakeUp.wait(timeout: Self.looking)
    }
    if told != nil { _ = connection?.send(PicturePlayer.command(for: .zero)) }
  }
}
