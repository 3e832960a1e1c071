internal import AuraHost
internal import Synchronization

/// What happened on other threads, waiting for the one that writes to the screen.
///
/// Bounded: a crowd that comes and goes faster than a terminal scrolls loses lines, not memory.
final class Mailbox<Event: Sendable>: Sendable {
  private static var capacity: Int { 10_000 }

  private let waiting = Mutex<(events: [Event], lost: Int)>(([], 0))
  /// Signalled when something has come.
  let wakeUp = WakeUp()

  /// Any thread: leaves an event; never waits for its reader.
  func post(_ event: Event) {
    waiting.withLock { waiting in
      if waiting.events.count < Self.capacity {
        waiting.events.append(event)
      } else {
        waiting.lost += 1
      }
    }
    wakeUp.signal()
  }

  /// Takes everything, and how many events found no room since the last time.
  func takeAll() -> (events: [Event], lost: Int) {
    waiting.withLock { waiting in
      defer { waiting = ([], 0) }
      return waiting
    }
  }
}
