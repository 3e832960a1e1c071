internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Synchronization

/// Keeps what our output device tells players at what a broadcast's listeners hear, while both go on.
package final class DeviceClaim: Sendable {
  private let control = Control()
  private let thread: HostThread
  private let device: OutputDevice?

  /// Begins.
  package init(of broadcast: Broadcast) {
    let control = control
    device = broadcast.outputDevice
    // At once, while the pause lasts in which it changed.
    device?.onClaim { control.look() }
    thread = HostThread(name: "aura-claim") { control.run(broadcast) }
  }

  /// Ends; the device goes on to claim what it did. Call once, before the broadcast's end.
  package func stop() {
    device?.onClaim(nil)
    control.stop()
    thread.join()
  }
}

private final class Control: Sendable {
  /// How often it is looked whether the delay has moved. In film mode it moves 5 ms meanwhile.
  private static let looking = Duration.milliseconds(250)

  private let isStopping = Atomic(false)
  private let wakeUp = WakeUp()

  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
  }

  func look() { wakeUp.signal() }

  func run(_ broadcast: Broadcast) {
    var rule = ClaimRule()
    while !isStopping.load(ordering: .acquiring) {
      broadcast.tellDevice(by: &rule)
      wakeUp.wait(timeout: Self.looking)
    }
  }
}
