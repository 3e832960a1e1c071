import AuraHost
import AuraStream
import Glibc

/// A directory of its own for one test; removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/auralync-test.XXXXXX".utf8CString)
    guard let made = unsafe mkdtemp(&template) else { throw HostTestError() }
    path = unsafe String(cString: made)
  }

  deinit { HostFiles.removeTree(path) }
}

struct HostTestError: Error {}

/// Asks again and again until the answer is yes or ten seconds are over.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = HostClock.now + .seconds(10)
  while !condition() {
    guard HostClock.now < deadline else { return false }
    usleep(5_000)
  }
  return true
}

/// Whether there is no such process; one that only waits to be waited for is gone.
func isGone(_ processID: Int32) -> Bool {
  ProcessTable.entry(processID)?.isZombie ?? true
}

extension String {
  var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
