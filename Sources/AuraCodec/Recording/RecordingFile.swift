internal import Glibc

/// A file that is being recorded to: new, or one that may be replaced.
///
/// What it replaces is kept until there is something to write.
package final class RecordingFile: @unchecked Sendable {
  // For one thread at a time: who opened it hands it to the one that writes.

  package let path: String
  let descriptor: Int32
  private let isNew: Bool
  private var isEmpty = true

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: where.
  ///   - replacing: whether a file that is there may be replaced.
  /// - Throws: `CodecError` when it is there and may not, or when it cannot be made.
  package init(path: String, replacing: Bool) throws(CodecError) {
    self.path = path
    let flags = O_RDWR | O_CLOEXEC
    var descriptor = unsafe open(path, flags | O_CREAT | O_EXCL, 0o666)
    isNew = descriptor >= 0
    if descriptor < 0, errno == EEXIST {
      guard replacing else {
        throw CodecError("\(path) is there already; choose another name, or say --overwrite")
      }
      descriptor = unsafe open(path, flags | O_NONBLOCK)
    }
    guard descriptor >= 0 else {
      throw CodecError(
        "\(path) cannot be written (\(Self.reason)); choose another place for the recording")
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw CodecError("\(path) is no ordinary file; choose another name for the recording")
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Empties the file, before its first byte.
  func begin() throws(CodecError) {
    guard isEmpty else { return }
    isEmpty = false
    guard ftruncate(descriptor, 0) == 0 else { throw failure() }
  }

  /// Appends bytes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(CodecError) {
    var rest = unsafe bytes
    while unsafe !rest.isEmpty {
      let count = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Removes the file where it was made here and nothing was written to it.
  ///
  /// - Returns: whether nothing was written.
  package func removeIfEmpty() -> Bool {
    if isEmpty, isNew { _ = unsafe unlink(path) }
    return isEmpty
  }

  func failure() -> CodecError {
    CodecError("nothing more can be written to \(path) (\(Self.reason))")
  }

  private static var reason: String { unsafe String(cString: strerror(errno)) }
}
