internal import CLinux
internal import Glibc

/// A named pipe (FIFO) whose content is looked at before it is taken out. For one thread.
///
/// What waits in it can be read at once and stays; it goes when its time has come. The kernel keeps
/// it in pages: a writer finds room when a whole page has been taken out.
package final class SoundPipe {
  /// Bytes of one page.
  package static let pageSize = 4096

  private let fifo: Int32
  private let copy: (reading: Int32, writing: Int32)

  /// How many pages it holds: a power of two.
  package private(set) var pages = 0

  /// Makes the file and opens it; nil when the system will not have it, and `errno` tells why.
  ///
  /// - Parameters:
  ///   - path: where; it must not be there.
  ///   - pages: how many pages it is to hold.
  package init?(path: String, pages: Int) {
    guard unsafe mkfifo(path, 0o600) == 0 else { return nil }
    // For both, so that it has a writer and a reader whoever else comes and goes.
    let opened = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    guard opened >= 0 else { return nil }
    var ends: [Int32] = [0, 0]
    guard unsafe pipe2(&ends, O_NONBLOCK | O_CLOEXEC) == 0 else {
      close(opened)
      return nil
    }
    fifo = opened
    copy = (ends[0], ends[1])
    resize(pages: pages)
  }

  deinit {
    close(fifo)
    close(copy.reading)
    close(copy.writing)
  }

  /// Bytes that wait in it.
  package var waiting: Int { max(0, Int(aura_readable_bytes(fifo))) }

  /// Makes it hold more or fewer pages; fewer only when the rest is empty.
  ///
  /// - Returns: whether it has as many now.
  @discardableResult
  package func resize(pages: Int) -> Bool {
    let bytes = Int32(clamping: pages * Self.pageSize)
    // The copy has room for all there can be, before and after.
    guard
      pages == self.pages || aura_set_pipe_size(copy.writing, bytes) >= bytes || pages < self.pages
    else { return false }
    let size = aura_set_pipe_size(fifo, bytes)
    guard size > 0 else { return false }
    self.pages = Int(size) / Self.pageSize
    return self.pages == pages
  }

  /// Reads what waits in it, and leaves it there.
  ///
  /// - Parameters:
  ///   - offset: bytes at its beginning that are left out.
  ///   - output: replaced by the rest.
  package func look(after offset: Int, into output: inout [UInt8]) {
    output.removeAll(keepingCapacity: true)
    let capacity = max(pages * Self.pageSize, waiting)
    var left = aura_copy_pipe(fifo, copy.writing, capacity)
    guard left > 0 else { return }
    var skipped = 0
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.pageSize, alignment: 1) { page in
      while left > 0 {
        let count = unsafe read(copy.reading, page.baseAddress, page.count)
        guard count > 0 else { return }
        left -= count
        let unwanted = min(count, offset - skipped)
        skipped += unwanted
        unsafe output.append(contentsOf: page[unwanted..<count])
      }
    }
  }

  /// Takes bytes out.
  ///
  /// - Returns: how many there were, at most `count`.
  @discardableResult
  package func remove(_ count: Int) -> Int {
    var left = count
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.pageSize, alignment: 1) { page in
      while left > 0 {
        let taken = unsafe read(fifo, page.baseAddress, min(left, page.count))
        guard taken > 0 else { return }
        left -= taken
      }
    }
    return count - left
  }

  /// Puts zeros in, all or none: at most a page of them.
  ///
  /// - Returns: whether there was room.
  package func appendZeros(_ count: Int) -> Bool {
    let zeros = [UInt8](repeating: 0, count: min(count, Self.pageSize))
    return unsafe write(fifo, zeros, zeros.count) == zeros.count
  }
}
