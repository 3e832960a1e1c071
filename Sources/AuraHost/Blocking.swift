internal import Synchronization

/// Runs asynchronous work to its end for a thread that may wait: the main thread of a command.
///
/// - Parameter work: runs on Swift's own threads.
/// - Returns: what the work returns.
/// - Throws: what the work throws.
package func waitFor<Success: Sendable, Failure: Error>(
  _ work: @escaping @Sendable () async throws(Failure) -> Success
) throws(Failure) -> Success {
  let finished = WakeUp()
  let outcome = Outcome<Result<Success, Failure>>()
  Task.detached {
    let result: Result<Success, Failure>
    do throws(Failure) {
      result = .success(try await work())
    } catch {
      result = .failure(error)
    }
    outcome.value.withLock { $0 = result }
    finished.signal()
  }
  while true {
    finished.wait(timeout: nil)
    if let result = outcome.value.withLock({ $0 }) { return try result.get() }
  }
}

private final class Outcome<Value: Sendable>: Sendable {
  let value = Mutex<Value?>(nil)
}
