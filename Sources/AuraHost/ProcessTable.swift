/// What /proc tells of the processes on this computer.
package enum ProcessTable {
  /// One line of /proc/PID/stat.
  package struct Entry: Equatable, Sendable {
    package var processID: Int32
    package var parentID: Int32
    /// The short name of the program: 15 bytes at most.
    package var name: String
    /// Ended, but not yet waited for.
    package var isZombie: Bool
    /// Ticks between boot and its start: with the pid, a name that is never used again.
    package var startTicks: UInt64

    /// - Parameter stat: the text of /proc/PID/stat. The name in it may contain anything.
    package init?(stat: String) {
      guard let nameStart = stat.firstIndex(of: "("), let nameEnd = stat.lastIndex(of: ")"),
        nameStart < nameEnd
      else { return nil }
      let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
      guard fields.count > 19, let pid = Int32(stat[..<nameStart].filter { $0 != " " }),
        let parent = Int32(fields[1]), let start = UInt64(fields[19])
      else { return nil }
      processID = pid
      parentID = parent
      name = String(stat[stat.index(after: nameStart)..<nameEnd])
      isZombie = fields[0] == "Z" || fields[0] == "X"
      startTicks = start
    }
  }

  /// A process, or nil when there is none of this id.
  package static func entry(_ processID: Int32) -> Entry? {
    HostFiles.text(of: "/proc/\(processID)/stat").flatMap { Entry(stat: $0) }
  }

  /// Every process that can be seen.
  package static var all: [Entry] {
    HostFiles.names(in: "/proc").compactMap { Int32($0) }.compactMap { entry($0) }
  }

  /// The processes that `ancestor` has started, and those that they have; without itself.
  package static func descendants(of ancestor: Int32) -> [Entry] {
    let children = Dictionary(grouping: all, by: \.parentID)
    var found: [Entry] = []
    var next = children[ancestor] ?? []
    while let entry = next.popLast() {
      found.append(entry)
      next += children[entry.processID] ?? []
    }
    return found
  }
}
