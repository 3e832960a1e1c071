internal import AuraAudio
internal import AuraCodec
internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import Synchronization

/// The network thread of a listener of the original protocol.
final class OriginalSession: NetworkSession {
  /// A connection on which nothing comes for this long is dead.
  private static let longestQuiet = Duration.seconds(5)
  private static let firstRetry = Duration.milliseconds(250)
  private static let longestRetry = Duration.seconds(5)
  /// What the kernel may hold for us: as little as keeps TCP flowing, for it is hidden delay.
  private static let receiveBufferBytes = 65_536

  private let options: Listener.Options
  private let tap: PlaybackTap
  private let onEvent: @Sendable (Listener.Event) -> Void
  private let cancel = WakeUp()
  private let finished = WakeUp()
  private let shared = Mutex(Listener.Statistics())

  init(
    _ options: Listener.Options, tap: PlaybackTap,
    onEvent: @escaping @Sendable (Listener.Event) -> Void
  ) {
    self.options = options
    self.tap = tap
    self.onEvent = onEvent
  }

  /// Any thread: the numbers the network thread knows.
  var statistics: Listener.Statistics { shared.withLock { $0 } }

  /// Any thread: asks `run` to return.
  ///
  /// - Returns: whether it did within the time.
  func stop(within time: Duration) -> Bool {
    cancel.signal()
    return finished.wait(timeout: time)
  }

  // MARK: On the network thread

  /// Why a server was not found.
  struct Absence: Equatable {
    var reason: String
    /// Whether something else is there instead.
    var isFinal: Bool
  }

  /// How one connection ended.
  private enum End {
    case cancelled
    case lost(String)
    /// Whoever answers is not what we look for.
    case wrong(String)
    /// The server is there and will not have us now.
    case refused(String)
  }

  func run() { _ = run(isTrial: false) }

  /// Listens until told to stop.
  ///
  /// - Parameter isTrial: whether to return, silently, if nobody is there at first.
  /// - Returns: why there was nobody; nil otherwise.
  func run(isTrial: Bool) -> Absence? {
    defer { finished.signal() }
    var isTrial = isTrial
    var retry = Self.firstRetry
    var hasPlayed = false
    while true {
      if !isTrial { onEvent(.connecting) }
      var received = false
      let end = listenOnce(&received)
      shared.withLock { statistics in
        statistics.state = .waiting
        statistics.decibels = LevelMeter.floor
      }
      if received {
        retry = Self.firstRetry
        hasPlayed = true
      }
      let reason: String
      switch end {
      case .cancelled: return nil
      case .wrong(let text) where isTrial && !hasPlayed:
        return Absence(reason: text, isFinal: true)
      case .lost(let text) where isTrial && !hasPlayed:
        return Absence(reason: text, isFinal: false)
      case .wrong(let text) where !hasPlayed:
        onEvent(.failed(reason: text))
        return nil
      case .wrong(let text), .lost(let text): reason = text
      case .refused(let text):
        reason = text
        retry = Self.longestRetry
      }
      isTrial = false
      onEvent(.disconnected(reason: reason, retryIn: retry))
      if isCancelled(within: retry) { return nil }
      retry = min(retry * 2, Self.longestRetry)
      if hasPlayed { shared.withLock { $0.reconnections += 1 } }
    }
  }

  private func isCancelled(within time: Duration) -> Bool {
    guard cancel.wait(timeout: time) else { return false }
    cancel.signal()  // it stays signalled for whoever looks next
    return true
  }

  private var name: String { "\(options.host):\(options.port)" }

  private func listenOnce(_ received: inout Bool) -> End {
    do throws(TransportError) {
      let connection = try TCPConnection(
        host: options.host, port: options.port, receiveBufferBytes: Self.receiveBufferBytes,
        cancel: cancel)
      return receive(from: connection, &received)
    } catch {
      switch error.kind {
      case .cancelled: return .cancelled
      case .unknownHost: return .wrong(error.description)
      default: return .lost(error.description)
      }
    }
  }

  private func receive(from connection: borrowing TCPConnection, _ received: inout Bool) -> End {
    var parser = OriginalParser()
    var chain: PlayoutChain?
    var buffer = [UInt8](repeating: 0, count: Self.receiveBufferBytes)
    while true {
      let count: Int
      switch connection.receive(into: &buffer, timeout: Self.longestQuiet) {
      case .bytes(let bytes): count = bytes
      case .cancelled: return .cancelled
      case .closed: return .lost("\(name) has closed the connection")
      case .nothing: return .lost("nothing has come from \(name) for 5 s")
      }
      let now = HostClock.now
      var input = buffer[..<count]
      do throws(OriginalParser.Failure) {
        while let message = try parser.next(&input) {
          switch message {
          case .announcement(let json):
            switch begin(json, connection) {
            case .success(let started):
              chain = started.chain
              parser.expectChunks(of: started.format)
              received = true
            case .failure(let end): return end.end
            }
          case .chunk(let bytes): chain?.play(bytes, now: now)
          }
        }
      } catch {
        return .wrong(Self.explanation(of: error, name: name))
      }
      if let chain { publish(chain) }
    }
  }

  private struct Ended: Error { var end: End }

  private func begin(
    _ json: [UInt8], _ connection: borrowing TCPConnection
  ) -> Result<(chain: PlayoutChain, format: OriginalFormat), Ended> {
    switch Announcement(json: json) {
    case .refusal("Server full"):
      return .failure(Ended(end: .refused("\(name) is full; somebody must leave first")))
    case .refusal(let text):
      return .failure(Ended(end: .refused("\(name) refuses: \(text)")))
    case .absurd(let text):
      return .failure(
        Ended(end: .wrong("\(name) is no AuraLync server: \(text). Check the address and port.")))
    case .format where options.recorder?.content == .packets:
      return .failure(
        Ended(
          end: .wrong(
            "\(name) speaks the original protocol, which has no Opus packets to record. Record to a "
              + ".wav file, or listen over WHEP.")))
    case .format(let format):
      do throws(CodecError) {
        let chain = try PlayoutChain(format: format, tap: tap, options: options)
        onEvent(
          .connected(
            address: connection.peerAddress, carrier: .original(format),
            isLocal: connection.isLocal))
        return .success((chain, format))
      } catch {
        return .failure(Ended(end: .wrong(error.description)))
      }
    }
  }

  private func publish(_ chain: PlayoutChain) {
    shared.withLock { statistics in
      statistics.state = chain.isPlaying ? .playing : .buffering
      statistics.decibels = chain.decibels
      statistics.buffer = chain.lead
      statistics.target = chain.target
      statistics.skipped += .frames(chain.takeSkippedFrames())
      statistics.ratePPM = chain.rateCorrection * 1e6
    }
  }

  private static func explanation(of failure: OriginalParser.Failure, name: String) -> String {
    switch failure {
    case .notOriginal(let first):
      let what =
        switch String(decoding: first, as: UTF8.self) {
        case "HTTP": "a web server"
        case "SSH-": "an SSH server"
        default: "something else"
        }
      return "\(name) is \(what), not an AuraLync server. Check the address and port."
    case .chunkLength(let bytes, let expected):
      return
        "\(name) sends messages of \(bytes) bytes where it announced \(expected). Check that it is an AuraLync server."
    }
  }
}
