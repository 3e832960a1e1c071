internal import AuraCrypto
internal import AuraHost
package import AuraStream
internal import CLinux
internal import Synchronization

/// What it costs to send one frame to everyone, beside a bare loop of sends: `script/bench fanout`.
///
/// The shards are the ones that serve, with their listeners, histories, ciphers and sockets; only the
/// frames come as fast as they go. Meant for a network that swallows everything.
package struct FanOutTrial: Sendable {
  /// What is sent.
  package enum Way: String, CaseIterable, Sendable {
    /// The same datagram to each in turn: the least that sending can cost.
    case bare
    case gcm
    case cm

    fileprivate var profile: SRTPProfile {
      self == .cm ? .aes128CMHMACSHA1_80 : .aeadAES128GCM
    }
  }

  /// What came of it, all threads together.
  package struct Result: Sendable {
    /// Datagrams that the system took.
    package var packets = 0
    /// Datagrams that it did not.
    package var dropped = 0
    /// Processor time of the sending threads.
    package var processor = Duration.zero
    /// From the first frame to the last.
    package var elapsed = Duration.zero
  }

  private let listeners: Int
  private let first: IPAddress
  private let payloadBytes: Int
  private let duration: Duration
  /// Where all of them are, if they are not each at an address of its own.
  private var port: UInt16?

  /// - Parameters:
  ///   - listeners: how many, at as many addresses in a row.
  ///   - first: the first of their addresses, IPv4.
  ///   - payloadBytes: the length of a frame.
  ///   - duration: how long to send.
  package init(listeners: Int, first: IPAddress, payloadBytes: Int, duration: Duration) {
    self.listeners = listeners
    self.first = first
    self.payloadBytes = payloadBytes
    self.duration = duration
  }

  /// What one core of this computer encrypts and sends, by the processor time that it takes: to a socket of
  /// its own on loopback that nobody reads. What a network card's driver takes is not in it.
  ///
  /// - Parameters:
  ///   - payloadBytes: the length of a frame.
  ///   - duration: how long to send.
  /// - Returns: packets a second; nil when nothing could be sent.
  package static func packetsPerCoreSecond(payloadBytes: Int, duration: Duration) -> Double? {
    guard let loopback = IPAddress("127.0.0.1"),
      let sink = try? DatagramSocket(address: "\(loopback)", port: 0, joining: false)
    else { return nil }
    defer { extendLifetime(sink) }
    var trial = FanOutTrial(
      listeners: 256, first: loopback, payloadBytes: payloadBytes, duration: duration)
    trial.port = UInt16(sink.port)
    guard let result = try? trial.run(.gcm, threads: 1), result.packets > 0 else { return nil }
    return Double(result.packets) / result.processor.inSeconds
  }

  /// Sends on some threads at a time.
  ///
  /// - Throws: `TransportError` when the sockets cannot be had.
  package func run(_ way: Way, threads: Int) throws(TransportError) -> Result {
    let port = try DatagramSocket(address: "0.0.0.0", port: 0, joining: false)
    var shards: [SenderShard] = []
    for index in 0..<threads {
      let shard = try SenderShard([
        BoundPlace(address: "0.0.0.0", port: port.port, isIPv6: false)
      ])
      try fill(shard, way, share: index, of: threads)
      shards.append(shard)
    }
    let results = Mutex<[Result]>([])
    let start = HostClock.now
    let running = shards.enumerated().map { index, shard in
      HostThread(name: "aura-trial-\(index)") { [self] in
        let result = way == .bare ? sendBare(shard, index, threads) : sendFrames(shard)
        results.withLock { $0.append(result) }
      }
    }
    for thread in running { thread.join() }
    var sum = results.withLock {
      $0.reduce(into: Result()) { sum, part in
        sum.packets += part.packets
        sum.dropped += part.dropped
        sum.processor += part.processor
      }
    }
    sum.elapsed = HostClock.now - start
    return sum
  }

  private func fill(
    _ shard: SenderShard, _ way: Way, share: Int, of threads: Int
  ) throws(TransportError) {
    guard way != .bare else { return }
    let profile = way.profile
    for number in stride(from: share, to: listeners, by: threads) {
      let keys = SRTPKeys(
        profile: profile, localKey: Random.bytes(profile.keyByteCount),
        localSalt: Random.bytes(profile.saltByteCount),
        remoteKey: Random.bytes(profile.keyByteCount),
        remoteSalt: Random.bytes(profile.saltByteCount))
      let parameters = OutgoingFlow.Parameters(
        ssrc: UInt32(number), payloadType: 111, redundantPayloadType: nil, answersNACK: true,
        firstSequenceNumber: 0, cname: "trial", packetDuration: .milliseconds(20),
        typicalPayloadBytes: payloadBytes)
      do {
        shard.signals.push(
          .join(
            JoiningListener(
              try ShardListener(
                id: ListenerID(number), parameters, keys: keys, path: path(number),
                through: shard.sockets.pairs[0], now: HostClock.now))))
      } catch {
        throw TransportError(.cannotBind, "Cannot encrypt: \(error).")
      }
      if shard.signals.room == 0 { shard.turn() }
    }
    shard.turn()
  }

  private func path(_ number: Int) -> NetworkPath {
    var remote = Endpoint(first, port: port ?? 40_000)
    if port == nil { remote.lower += UInt64(number) }
    return NetworkPath(remote: remote)
  }

  private func sendFrames(_ shard: SenderShard) -> Result {
    let payload = [UInt8](repeating: 0x5a, count: payloadBytes)
    let begin = (HostClock.now, HostClock.threadTime)
    var timestamp: UInt32 = 0
    while HostClock.now - begin.0 < duration {
      let frame = EncodedFrame(
        timestamp: timestamp, capturedAt: HostClock.now, marker: false, byteCount: payloadBytes,
        notice: PresentationNotice(
          PresentationPlan(mode: .live, first: PresentationPlan.usualDelay), timestamp: 0))
      shard.publish(payload.span, frame)
      shard.turn()
      timestamp &+= 960
    }
    var result = Result()
    result.processor = HostClock.threadTime - begin.1
    for numbers in shard.current {
      result.dropped += numbers.dropped + numbers.failed
      result.packets += numbers.counts.packets
    }
    result.packets -= result.dropped
    return result
  }

  private func sendBare(_ shard: SenderShard, _ share: Int, _ threads: Int) -> Result {
    let datagram = [UInt8](repeating: 0x5a, count: 12 + payloadBytes + 16)
    let paths = stride(from: share, to: listeners, by: threads).map { path($0).datagramPath }
    let socket = shard.sockets.pairs[0].present
    let begin = (HostClock.now, HostClock.threadTime)
    var result = Result()
    while HostClock.now - begin.0 < duration {
      for path in paths {
        let error = unsafe datagram.withUnsafeBytes {
          unsafe DatagramSocket.send($0, to: path, through: socket)
        }
        if error == 0 { result.packets += 1 } else { result.dropped += 1 }
      }
    }
    result.processor = HostClock.threadTime - begin.1
    return result
  }
}
