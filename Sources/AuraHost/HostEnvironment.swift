internal import Glibc
internal import Synchronization

/// One of us at a time; C libraries know nothing of it.
private let environmentLock = Mutex(())

/// The environment of this process, as it is now.
package var hostEnvironment: [String: String] {
  environmentLock.withLock { _ in
    var table: [String: String] = [:]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let pair = unsafe String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { table[String(pair[0])] = String(pair[1]) }
      unsafe entry += 1
    }
    return table
  }
}

/// Sets variables of this process's own environment; nil removes one.
///
/// C libraries read the environment from any thread and without a lock: call it while no other
/// thread of ours is starting a connection.
package func setHostEnvironment(_ changes: [String: String?]) {
  environmentLock.withLock { _ in
    for (name, value) in changes {
      if let value { unsafe setenv(name, value, 1) } else { unsafe unsetenv(name) }
    }
  }
}
