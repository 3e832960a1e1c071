package import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Synchronization

/// Keeps what our output device tells players at what listeners hear, while both go on.
package final class DeviceClaim: Sendable {
  private let control = Control()
  private let thread: HostThread

  /// Begins.
  ///
  /// - Parameters:
  ///   - device: what tells players.
  ///   - delay: tells how long the sound takes now, nil when nobody knows; asked again and again.
  package init(of device: OutputDevice, follows delay: @escaping @Sendable () -> Duration?) {
    let control = control
    thread = HostThread(name: "aura-claim") { control.run(device, delay) }
  }

  /// Ends; the device goes on to claim what it did. Call once.
  package func stop() {
    control.stop()
    thread.join()
  }
}

private final class Control: Sendable {
  /// How often it is looked whether the delay has moved. In film mode it moves 5 ms meanwhile.
  private static let looking = Duration.milliseconds(250)
  /// Less is not worth a change: every player's picture would stumble.
  private static let smallest = Duration.milliseconds(5)

  private let isStopping = Atomic(false)
  private let wakeUp = WakeUp()

  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
  }

  func run(_ device: OutputDevice, _ delay: () -> Duration?) {
    while !isStopping.load(ordering: .acquiring) {
      let told = device.asked
      if let now = delay(), now - told >= Self.smallest || told - now >= Self.smallest {
        device.claim(now)
      }
      wakeUp.wait(timeout: Self.looking)
    }
  }
}
