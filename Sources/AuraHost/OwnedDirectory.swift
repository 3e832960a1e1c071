internal import CLinux
internal import Glibc

/// A directory for this process alone (mode 0700), recognisable as a leftover once it has died.
///
/// Its name is PREFIX-PID-NUMBER. A file in it stays locked for as long as we live: the kernel
/// unlocks it however we end, and unlike a process id the lock means the same in every container
/// that shares the parent directory.
package final class OwnedDirectory: Sendable {
  package let path: String
  private let lock: Int32

  private static let lockName = "owner"

  private init(path: String, lock: Int32) {
    self.path = path
    self.lock = lock
  }

  deinit { close(lock) }

  /// Makes one.
  ///
  /// - Parameters:
  ///   - parent: where; not made.
  ///   - prefix: how its name begins.
  /// - Returns: nil when it cannot be made; `errno` tells why.
  package static func make(in parent: String, prefix: String) -> OwnedDirectory? {
    for number in 0..<100 {
      let path = "\(parent)/\(prefix)-\(getpid())-\(number)"
      guard unsafe mkdir(path, 0o700) == 0 else {
        if errno == EEXIST { continue }
        return nil
      }
      let lock = unsafe open(
        "\(path)/\(lockName)", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        if lock >= 0 { close(lock) }
        HostFiles.removeTree(path)
        errno = code
        return nil
      }
      return OwnedDirectory(path: path, lock: lock)
    }
    return nil
  }

  /// Removes it with all that is in it.
  package func remove() { HostFiles.removeTree(path) }

  /// Removes those that dead processes of ours have left.
  ///
  /// - Parameters:
  ///   - parent: where to look.
  ///   - prefix: how their names begin.
  package static func removeLeftovers(in parent: String, prefix: String) {
    for path in leftovers(in: parent, prefix: prefix) { HostFiles.removeTree(path) }
  }

  /// Those that dead processes of ours have left.
  ///
  /// - Parameters:
  ///   - parent: where to look.
  ///   - prefix: how their names begin.
  /// - Returns: their paths.
  package static func leftovers(in parent: String, prefix: String) -> [String] {
    found(in: parent, prefix: prefix).filter { isLeft($0.path, by: $0.owner) }.map(\.path)
  }

  /// Those of all processes of ours, whether they live or not.
  ///
  /// - Parameters:
  ///   - parent: where to look.
  ///   - prefix: how their names begin.
  /// - Returns: their paths.
  package static func all(in parent: String, prefix: String) -> [String] {
    found(in: parent, prefix: prefix).map(\.path)
  }

  private static func found(
    in parent: String, prefix: String
  ) -> [(path: String, owner: Int32)] {
    HostFiles.names(in: parent).filter { $0.hasPrefix("\(prefix)-") }.compactMap { name in
      let parts = name.dropFirst(prefix.count + 1).split(separator: "-")
      let path = "\(parent)/\(name)"
      guard parts.count == 2, let owner = Int32(parts[0]), Int(parts[1]) != nil,
        HostFiles.ownerOfDirectory(path) == geteuid()
      else { return nil }
      return (path, owner)
    }
  }

  /// Where to make one: the runtime directory where there is one of ours, else /tmp. What sockets
  /// live in must have a short name.
  package static var parents: [String] {
    let own = hostEnvironment["XDG_RUNTIME_DIR"].flatMap { path in
      HostFiles.ownerOfDirectory(path) == HostFiles.ownUserID && path.utf8.count < 70 ? path : nil
    }
    return [own, "/tmp"].compactMap { $0 }
  }

  private static func isLeft(_ path: String, by owner: Int32) -> Bool {
    let lock = unsafe open("\(path)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    // No lock yet, or none any more: it may be being made or removed at this very moment.
    guard lock >= 0 else { return errno == ENOENT && ProcessTable.entry(owner) == nil }
    defer { close(lock) }
    return flock(lock, LOCK_EX | LOCK_NB) == 0
  }
}
