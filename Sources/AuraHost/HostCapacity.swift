internal import AuraStream

/// What this computer's settings allow, as far as a crowd of listeners runs into it.
package struct HostCapacity: Equatable, Sendable {
  /// Computers next to this one that the kernel remembers at once (IPv4): beyond that packets are lost
  /// while every send succeeds, for everyone. With 5,000 neighbours and Linux' default of 1,024 one
  /// packet in five arrived.
  package var neighbours: Int?
  /// Bytes that wait for each neighbour which does not answer, charged to the sender's buffer.
  package var unresolvedBytes: Int?
  /// The largest buffers that a socket may ask for, in bytes, before the kernel doubles them.
  package var sendBuffer: Int?
  package var receiveBuffer: Int?
  /// Files and sockets that may be open.
  package var openFiles: Int
  package var mayUseRealTime: Bool
  /// Whether the limits of buffers hold for us; they do not for root.
  package var isLimited: Bool

  package init(
    neighbours: Int?, unresolvedBytes: Int?, sendBuffer: Int?, receiveBuffer: Int?, openFiles: Int,
    mayUseRealTime: Bool, isLimited: Bool
  ) {
    self.neighbours = neighbours
    self.unresolvedBytes = unresolvedBytes
    self.sendBuffer = sendBuffer
    self.receiveBuffer = receiveBuffer
    self.openFiles = openFiles
    self.mayUseRealTime = mayUseRealTime
    self.isLimited = isLimited
  }

  /// As this computer has it now; what cannot be read is nil.
  package static var current: HostCapacity {
    HostCapacity(
      neighbours: number("/proc/sys/net/ipv4/neigh/default/gc_thresh3"),
      unresolvedBytes: number("/proc/sys/net/ipv4/neigh/default/unres_qlen_bytes"),
      sendBuffer: number("/proc/sys/net/core/wmem_max"),
      receiveBuffer: number("/proc/sys/net/core/rmem_max"), openFiles: HostLimits.raiseOpenFiles(),
      mayUseRealTime: HostThread.mayUseRealTime, isLimited: HostFiles.ownUserID != 0)
  }

  private static func number(_ path: String) -> Int? {
    HostFiles.text(of: path).flatMap { Int($0.filter(\.isNumber)) }
  }

  /// Something that is too small for a crowd.
  package struct Shortfall: Equatable, Sendable {
    package enum Kind: Sendable {
      case neighbours, files, sendBuffer, receiveBuffer, realTime
    }

    package var kind: Kind
    /// The listeners from which on it matters.
    package var listeners: Int
    /// One line, with the remedy.
    package var sentence: String
  }

  /// A receive buffer for the reports of some thousand listeners, in bytes.
  private static let wantedReceiveBuffer = 1 << 20
  /// Descriptors that are needed whoever listens.
  private static let ownFiles = 128
  /// Listeners whose round of sends takes so long that a late wake-up is heard.
  private static let crowd = 200

  /// What is too small for so many listeners, each once, the most harmful first.
  package func shortfalls(forListeners count: Int) -> [Shortfall] {
    [neighbourShortfall(count), fileShortfall, sendShortfall, receiveShortfall, realTimeShortfall]
      .compactMap { $0 }.filter { count >= $0.listeners }
  }

  private func neighbourShortfall(_ count: Int) -> Shortfall? {
    guard let neighbours else { return nil }
    var wanted = 8_192
    while wanted < max(2 * neighbours, 4 * count) { wanted *= 2 }
    return Shortfall(
      kind: .neighbours, listeners: neighbours * 4 / 5,
      sentence:
        "This computer remembers \(neighbours) neighbours at most; with more listeners than that "
        + "everyone loses sound. Let it remember more: `sudo sysctl -w "
        + "net.ipv4.neigh.default.gc_thresh3=\(wanted) net.ipv4.neigh.default.gc_thresh2=\(wanted / 2)`."
    )
  }

  private var fileShortfall: Shortfall? {
    Shortfall(
      kind: .files, listeners: max(0, openFiles - Self.ownFiles),
      sentence:
        "This program may open \(openFiles) files and sockets, and each listener over TCP is one. "
        + "Let it have more: `ulimit -n \(4 * openFiles)`.")
  }

  private var sendShortfall: Shortfall? {
    guard isLimited, let sendBuffer, let unresolvedBytes, sendBuffer < 2 * unresolvedBytes else {
      return nil
    }
    return Shortfall(
      kind: .sendBuffer, listeners: Self.crowd,
      sentence:
        "A socket may keep \(sendBuffer) bytes to send, as much as a few vanished phones fill. "
        + "Allow more: `sudo sysctl -w net.core.wmem_max=\(2 * unresolvedBytes)`.")
  }

  private var receiveShortfall: Shortfall? {
    guard let receiveBuffer, receiveBuffer < Self.wantedReceiveBuffer else { return nil }
    return Shortfall(
      kind: .receiveBuffer, listeners: 1_000,
      sentence:
        "A socket may keep \(receiveBuffer) bytes that came in; requests of a crowd may be lost. "
        + "Allow more: `sudo sysctl -w net.core.rmem_max=\(Self.wantedReceiveBuffer)`.")
  }

  private var realTimeShortfall: Shortfall? {
    guard !mayUseRealTime else { return nil }
    return Shortfall(
      kind: .realTime, listeners: Self.crowd,
      sentence:
        "This program may not run in real time, so other programs can hold up the sound. Allow it: "
        + "add `@audio - rtprio 95` to /etc/security/limits.d/audio.conf, yourself to the group audio, "
        + "and log in again.")
  }
}
