internal import CLinux
internal import Glibc

/// The few things we do with files, without Foundation.
package enum HostFiles {
  /// The text of a file, also of those in /proc that have no size.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: no more bytes than these are read.
  /// - Returns: nil when it cannot be read.
  package static func text(of path: String, limit: Int = 1 << 20) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while bytes.count < limit {
      let count = unsafe read(file, &buffer, min(buffer.count, limit - bytes.count))
      if count < 0 { return nil }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes a new file that only we may read.
  ///
  /// - Returns: whether all of it is there.
  package static func write(_ text: String, to path: String) -> Bool {
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Makes a directory that only we may enter; its parent must be there.
  ///
  /// - Returns: whether it is there now and was not before.
  package static func makeDirectory(_ path: String) -> Bool { unsafe mkdir(path, 0o700) == 0 }

  /// The user this process acts as.
  package static var ownUserID: UInt32 { geteuid() }

  /// A user's name; the number when it has none. May ask a directory service.
  package static func nameOfUser(_ user: UInt32) -> String {
    var entry = unsafe passwd()
    var buffer = [CChar](repeating: 0, count: 16_384)
    var found: UnsafeMutablePointer<passwd>?
    guard unsafe getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0,
      let name = unsafe found?.pointee.pw_name
    else { return "\(user)" }
    return unsafe String(cString: name)
  }

  /// The names in a directory, without `.` and `..`; empty when it cannot be read.
  package static func names(in directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The user a directory belongs to; nil when there is no such directory.
  ///
  /// - Parameters:
  ///   - path: the directory.
  ///   - followingLinks: whether a symbolic link to a directory counts as one.
  /// - Returns: the owner's number.
  package static func ownerOfDirectory(_ path: String, followingLinks: Bool = false) -> UInt32? {
    var status = stat()
    let result = unsafe followingLinks ? stat(path, &status) : lstat(path, &status)
    guard result == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return status.st_uid
  }

  /// Removes a directory with all that is in it; never what a symbolic link points to.
  ///
  /// - Returns: whether it is gone.
  @discardableResult
  package static func removeTree(_ path: String) -> Bool {
    if ownerOfDirectory(path) != nil {
      for name in names(in: path) { removeTree("\(path)/\(name)") }
    }
    return unsafe remove(path) == 0
  }

  /// Where a program is: a path as it stands, a name looked for in `searchPath`.
  ///
  /// - Parameters:
  ///   - name: as a person types it.
  ///   - searchPath: directories between colons, as in $PATH.
  /// - Returns: its path, or nil when there is none that we may run.
  package static func program(_ name: String, searchPath: String) -> String? {
    if name.contains("/") { return name }
    return searchPath.split(separator: ":").map { "\($0)/\(name)" }
      .first { unsafe access($0, X_OK) == 0 && ownerOfDirectory($0) == nil }
  }
}

/// What the system says of an error number.
package func hostErrorText(_ code: Int32) -> String {
  guard let text = unsafe strerror(code) else { return "error \(code)" }
  return unsafe String(cString: text)
}
