import AuraAudio
import AuraCodec
import AuraStream
import Foundation
import Testing

@testable import AuraPipelines

/// An output in virtual time whose card is `ppm` fast, and what was heard on its left side.
private final class VirtualOutput: PlayoutSink {
  private var request: Int
  private let shortRequest: Int
  let delay: Duration
  let wobble: Double
  let rate: Double
  private(set) var heard: [Float] = []
  private var ring: [Float] = []
  private var taken = 0
  private var rendered = 0
  private var silent = 0
  private(set) var writtenFrames = 0
  private var generator: UInt64 = 1
  private var nextRender = 1e9  // ns
  private(set) var report: OutputReport?

  init(request: Int = 256, delay: Duration = .milliseconds(10), ppm: Double = 0, wobble: Double = 0)
  {
    self.request = request
    shortRequest = request
    self.delay = delay
    self.wobble = wobble
    rate = 48_000 * (1 + ppm / 1e6)
  }

  func write(_ samples: Span<Float>) -> Int {
    for index in stride(from: 0, to: samples.count, by: 2) { ring.append(samples[index]) }
    writtenFrames += samples.count / 2
    return samples.count / 2
  }

  private(set) var isRelaxed = false
  /// As a sound system does, by the next request.
  func relax(_ isRelaxed: Bool) -> Bool {
    self.isRelaxed = isRelaxed
    request = isRelaxed ? 1024 : shortRequest
    return true
  }

  /// When a frame of `heard` is heard.
  func instant(_ frame: Int) -> Double {
    1 + delay.inSeconds + Double(frame) / rate
  }

  func run(until end: HostTime) {
    while nextRender < Double(end.nanoseconds) {
      let count = min(request, ring.count - taken)
      heard += ring[taken..<taken + count]
      heard += repeatElement(0, count: request - count)
      taken += count
      silent += request - count
      generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let off = (Double(generator >> 33) / Double(1 << 30) - 1) * wobble * 1e9
      report = OutputReport(
        firstFrame: rendered, frames: request, instant: HostTime(nanoseconds: Int64(nextRender)),
        delay: delay + .nanoseconds(Int64(off)), silentFrames: silent)
      rendered += request
      nextRender += Double(request) / rate * 1e9
      if taken > 1 << 16 {
        ring.removeFirst(taken)
        taken = 0
      }
    }
  }
}

/// A server on this computer: a tone, encoded, its packets and reports.
private struct Server {
  let format: PayloadFormat
  let frames: Int
  var packets: [(payload: [UInt8], start: Int64)] = []
  let sound: [Float]

  init(_ format: PayloadFormat, hertz: Double, seconds: Int, amplitude: Double = 0.5) throws {
    self.format = format
    var samples: [Float] = []
    for frame in 0..<48_000 * seconds {
      let turns = (hertz / 48_000 * Double(frame)).truncatingRemainder(dividingBy: 1)
      let value = Float(amplitude * sin(2 * .pi * turns))
      samples.append(value)
      samples.append(value)
    }
    sound = samples
    var made: [(payload: [UInt8], start: Int64)] = []
    switch format {
    case .opus:
      frames = 480
      var packetizer = try OpusPacketizer(.smooth)
      packetizer.append(
        samples.span, at: MediaTime(frames: 0), endingAt: HostTime(nanoseconds: 0)
      ) { payload, packet in
        made.append((payload.indices.map { payload[$0] }, packet.start.frames))
      }
    case .linear(let linear):
      frames = linear.packetFrames
      var packetizer = LinearPacketizer(linear)
      packetizer.append(
        samples.span, at: MediaTime(frames: 0), endingAt: HostTime(nanoseconds: 0)
      ) { payload, packet in
        made.append((payload.indices.map { payload[$0] }, packet.start.frames))
      }
    }
    packets = made
  }

  /// Frame n was captured at 1 s + n / 48,000 s.
  func captured(_ frame: Int64) -> HostTime {
    HostTime(nanoseconds: 1_000_000_000) + .frames(Int(frame))
  }
}

struct WebRTCPlayoutChainTests {
  private func chain(
    _ format: PayloadFormat, _ sink: VirtualOutput, delay: PlayoutDelay.Mode,
    correctsDrift: Bool = true, volume: Int = 100, balance: MonoBalance = MonoBalance(),
    recorder: Recorder? = nil
  ) throws -> WebRTCPlayoutChain {
    try WebRTCPlayoutChain(
      .init(
        format: format,
        playout: .init(
          delay: delay, payloadType: 111, redundantPayloadType: 63, correctsDrift: correctsDrift),
        volume: VolumeControl(percent: volume, balance: balance), recorder: recorder),
      sink: sink)
  }

  /// Plays the packets from the first to before the last, or to the end; those for which `isLost` is
  /// true never come.
  private func run(
    _ chain: WebRTCPlayoutChain, _ sink: VirtualOutput, _ server: Server,
    from first: Int = 0, to last: Int? = nil, isLost: (Int) -> Bool = { _ in false }
  ) {
    let end = last ?? server.packets.count
    let start = server.captured(server.packets[first].start)
    var now = start
    var next = first
    var second = 0
    while next < end {
      now = now + .milliseconds(1)
      sink.run(until: now)
      while next < end {
        let packet = server.packets[next]
        let arrival = server.captured(packet.start + Int64(server.frames) + 400)
        guard arrival <= now else { break }
        if !isLost(next) {
          unsafe chain.receive(
            .init(
              ssrc: 1, sequenceNumber: UInt16(truncatingIfNeeded: next),
              timestamp: UInt32(truncatingIfNeeded: packet.start), payloadType: 111,
              arrival: arrival), payload: packet.payload.span.bytes)
        }
        next += 1
      }
      if now >= start + .seconds(second) {
        // The same clock on both sides, and no way at all between them.
        chain.senderReport(
          ntpTime: NTPTime(now),
          timestamp: UInt32(truncatingIfNeeded: (now - server.captured(0)).frames()))
        chain.clockExchange(.init(asked: now, served: now, answered: now, received: now))
        second += 1
      }
      chain.play(now: now)
    }
  }

  @Test func uncompressedSoundComesOutBitByBit() throws {
    for linear in LinearAudio.allCases {
      let server = try Server(.linear(linear), hertz: 997, seconds: 3)
      let sink = VirtualOutput()
      let chain = try chain(
        .linear(linear), sink, delay: .fixed(.milliseconds(60)), correctsDrift: false)
      run(chain, sink, server)
      // At the ear 60 ms after its capture, to the frame.
      let offset = Int(0.050 * 48_000)
      let scale: Float = linear == .l16 ? 32_768 : 8_388_608
      var wrong = 0
      for frame in 100_000..<130_000 {
        let said = (server.sound[2 * (frame - offset)] * scale).rounded() / scale
        if sink.heard[frame] != said { wrong += 1 }
      }
      #expect(wrong == 0)
      #expect(chain.facts.counts.concealed == 0)
    }
  }

  @Test func anOutputAsksForMuchOnlyWhereTheDelayHasRoom() throws {
    let server = try Server(.linear(.l24), hertz: 997, seconds: 6)
    for (milliseconds, isRelaxed) in [(60, false), (250, true)] {
      let sink = VirtualOutput()
      let chain = try chain(
        .linear(.l24), sink, delay: .fixed(.milliseconds(milliseconds)), correctsDrift: false)
      run(chain, sink, server)
      #expect(sink.isRelaxed == isRelaxed)
      // Not a frame is missing where it began to ask for more.
      let offset = Int(0.001 * Double(milliseconds - 10) * 48_000)
      let first = try #require(sink.heard.firstIndex { $0 != 0 })
      let wrong = (first + 480..<250_000).count {
        abs(sink.heard[$0] - server.sound[2 * ($0 - offset)]) > 1e-6
      }
      #expect(wrong == 0)
      #expect(chain.facts.counts.underruns == 0)
    }
  }

  @Test func anotherChainIsAskedForNoMoreThanItHasRoomFor() throws {
    let server = try Server(.linear(.l24), hertz: 997, seconds: 6)
    let sink = VirtualOutput()
    let half = server.packets.count / 2
    for (delay, first, last) in [(250, 0, half), (60, half, server.packets.count)] {
      let chain = try chain(.linear(.l24), sink, delay: .fixed(.milliseconds(delay)))
      run(chain, sink, server, from: first, to: last)
    }
    #expect(!sink.isRelaxed)
  }

  @Test func correctionsCostUncompressedSoundLittle() throws {
    // A card 100 ppm fast that tells its delay exactly. Once the speed has settled, the tone that was
    // heard is the tone that was sent, a little lower: what the best fit of that leaves is noise.
    let server = try Server(.linear(.l24), hertz: 997, seconds: 50)
    let sink = VirtualOutput(ppm: 100)
    let chain = try chain(.linear(.l24), sink, delay: .fixed(.milliseconds(60)))
    run(chain, sink, server)
    #expect(abs(chain.facts.ratePPM - -100) < 5)
    #expect(chain.facts.counts.concealed == 0 && chain.facts.counts.jumps == 0)
    let window = Array(sink.heard[48_000 * 49..<48_000 * 49 + 12_000])
    var (low, high) = (95.0, 105.0)
    func left(_ ppm: Double) -> Double { noise(window, hertz: 997 / (1 + ppm / 1e6)) }
    for _ in 0..<24 {
      let third = (high - low) / 3
      if left(low + third) < left(high - third) { high -= third } else { low += third }
    }
    let decibels = 10 * log10(0.5 * 0.25 / left(low))
    #expect(decibels > 90, "\(decibels) dB")
  }

  @Test func anotherChainGoesOnInTheSameOutput() throws {
    let server = try Server(.linear(.l24), hertz: 997, seconds: 6)
    let sink = VirtualOutput()
    let half = server.packets.count / 2
    for (delay, first, last) in [(60, 0, half), (150, half, server.packets.count)] {
      let chain = try chain(
        .linear(.l24), sink, delay: .fixed(.milliseconds(delay)), correctsDrift: false)
      run(chain, sink, server, from: first, to: last)
    }
    let offset = Int(0.140 * 48_000)
    // What is said of a sample is its nearest step.
    let far = (200_000..<270_000).count {
      abs(sink.heard[$0] - server.sound[2 * ($0 - offset)]) > 1e-6
    }
    #expect(far == 0)
  }

  @Test func opusIsHeardWhenItIsToBe() throws {
    let server = try Server(.opus, hertz: 440, seconds: 6)
    for milliseconds in [60, 150] {
      let sink = VirtualOutput()
      let chain = try chain(.opus, sink, delay: .fixed(.milliseconds(milliseconds)))
      run(chain, sink, server)
      // The phase of the tone tells the delay, modulo its period.
      let frame = 240_000
      let window = Array(sink.heard[frame..<frame + 24_000])
      let phase = phase(window, hertz: 440)
      let expected = 440 * (sink.instant(frame) - 1 - Double(milliseconds) / 1e3)
      let off = (phase - expected + 100_000.5).truncatingRemainder(dividingBy: 1) - 0.5
      #expect(abs(off / 440) < 0.000_05, "\(off / 440) s")
      #expect(chain.facts.counts.concealed == 0)
      #expect(chain.facts.isExact)
      #expect(abs(chain.facts.stages.output.inMilliseconds - 10) < 0.1)
    }
  }

  @Test func correctionsPutNothingBesideATone() throws {
    // Cards 300 ppm apart, an output that tells its delay badly, and ten seconds to get used to it.
    let server = try Server(.linear(.l24), hertz: 1_000, seconds: 26)
    let sink = VirtualOutput(ppm: 300, wobble: 0.000_5)
    let chain = try chain(.linear(.l24), sink, delay: .fixed(.milliseconds(80)))
    run(chain, sink, server)
    let size = 1 << 17
    let start = 48_000 * 16
    let spectrum = spectrum(Array(sink.heard[start..<start + size]))
    let peak = spectrum.indices.max { spectrum[$0] < spectrum[$1] } ?? 0
    #expect(abs(Double(peak) * 48_000 / Double(size) - 1_000) < 1)
    // Beyond the window's own skirt, 2 Hz, there is nothing above -60 dB.
    let skirt = Int(2 * Double(size) / 48_000) + 1
    let beside = spectrum.indices.filter { abs($0 - peak) > skirt }.map { spectrum[$0] }.max() ?? 1
    let decibels = 10 * log10(beside / spectrum[peak])
    #expect(decibels < -80, "\(decibels) dB")
    #expect(abs(chain.facts.driftPPM - -300) < 60)
    #expect(chain.facts.counts.jumps == 0)
  }

  @Test func lossNeverClicks() throws {
    for format in [PayloadFormat.opus, .linear(.l16)] {
      let server = try Server(format, hertz: 440, seconds: 5)
      let sink = VirtualOutput()
      let chain = try chain(format, sink, delay: .fixed(.milliseconds(60)))
      run(chain, sink, server, isLost: { $0 % 37 == 5 || (200..<260).contains($0) })
      #expect(chain.facts.counts.concealed > 480 * 5)
      #expect(chain.facts.counts.silent > 480)
      let heard = sink.heard[60_000...]
      let steps = zip(heard, heard.dropFirst()).map { abs($1 - $0) }
      // A full tone moves by 0.029 a frame; a fade of 2 ms over twice its height adds 0.01.
      #expect((steps.max() ?? 1) < 0.06, "\(steps.max() ?? 1)")
      #expect(heard.contains { abs($0) > 0.4 })
    }
  }

  @Test func twiceAsLoudIsLimited() throws {
    let server = try Server(.opus, hertz: 440, seconds: 3, amplitude: 0.9)
    let sink = VirtualOutput()
    let chain = try chain(.opus, sink, delay: .fixed(.milliseconds(60)), volume: 200)
    run(chain, sink, server)
    let heard = sink.heard[100_000...]
    #expect((heard.max() ?? 0) > 0.95)
    #expect(heard.allSatisfy { abs($0) <= PeakLimiter.ceiling })
  }

  @Test func balanceIsHeard() throws {
    let server = try Server(.linear(.l24), hertz: 440, seconds: 2)
    for (balance, gain) in [(100, Float(0)), (50, 0.5), (-100, 1)] {
      let sink = VirtualOutput()
      let chain = try chain(
        .linear(.l24), sink, delay: .fixed(.milliseconds(60)), correctsDrift: false,
        balance: MonoBalance(balance: balance))
      run(chain, sink, server)
      let sent = (70_000..<80_000).map { frame in
        (server.sound[2 * (frame - 2_400)] * 8_388_608).rounded() / 8_388_608 * gain
      }
      #expect(Array(sink.heard[70_000..<80_000]) == sent)
    }
  }

  @Test(arguments: ["opus", "wav"])
  func aRecordingKeepsTimeWherePacketsAreLost(kind: String) throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "aura-\(UUID().uuidString).\(kind)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let recorder = try Recorder(
      to: path, try #require(Recorder.Content(path: path)), replacing: false, onFailure: { _ in })
    let server = try Server(.opus, hertz: 440, seconds: 5)
    let sink = VirtualOutput()
    let chain = try chain(.opus, sink, delay: .fixed(.milliseconds(60)), recorder: recorder)
    let isLost = { (packet: Int) in packet % 37 == 5 || (200..<260).contains(packet) }
    run(chain, sink, server, isLost: isLost)
    #expect(recorder.finish() && recorder.failure == nil)
    #expect(recorder.facts.dropped == .zero)
    let played = chain.facts.counts
    let all = Duration.frames(played.played + played.concealed + played.silent)
    let off = (recorder.facts.recorded - all).inMilliseconds
    // The last packets were not played, or not written by the resampler.
    #expect(abs(off) < 60, "\(off) ms")
    if kind == "opus" { #expect(recorder.facts.missing >= .milliseconds(600 + 10 * 10)) }
    var file = try SoundFile(path: path)
    var heard: [Float] = []
    while file.read(frames: 4_096, appendingTo: &heard) > 0 {}
    #expect(file.damage == nil)
    #expect(heard.suffix(48_000).contains { abs($0) > 0.4 })
  }

  @Test func anythingAtAllMayArrive() throws {
    let server = try Server(.opus, hertz: 440, seconds: 2)
    for format in [PayloadFormat.opus, .linear(.l24)] {
      let sink = VirtualOutput()
      let chain = try chain(format, sink, delay: PlayoutDelay.usual)
      var state: UInt64 = 5
      func random(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
      }
      var now = HostTime(nanoseconds: 1_000_000_000)
      for turn in 0..<4_000 {
        now = now + .milliseconds(2)
        sink.run(until: now)
        var payload = server.packets[turn % server.packets.count].payload
        if random(2) == 0 { payload = (0..<random(1_300)).map { _ in UInt8(random(256)) } }
        let isWild = random(8) == 0
        unsafe chain.receive(
          .init(
            ssrc: UInt32(random(400) == 0 ? random(3) : 1),
            sequenceNumber: UInt16(truncatingIfNeeded: isWild ? random(65_536) : turn),
            timestamp: UInt32(truncatingIfNeeded: isWild ? random(1 << 31) * 2 : turn * 96),
            payloadType: [111, 63, 5][random(3)], arrival: now), payload: payload.span.bytes)
        if random(100) == 0 {
          chain.senderReport(
            ntpTime: NTPTime(value: UInt64(state)), timestamp: UInt32(truncatingIfNeeded: state))
        }
        _ = chain.requests(now: now)
        chain.play(now: now)
      }
      #expect(sink.heard.allSatisfy { $0.isFinite })
      #expect(chain.facts.refusedPayloads > 0)
      #expect(chain.facts.counts.malformed > 0)
      #expect(chain.facts.counts.strays > 0)
    }
  }

  @Test func itPlaysIntoATap() throws {
    let server = try Server(.opus, hertz: 440, seconds: 1)
    let tap = PlaybackTap(minimumFrames: 48_000, resumeThreshold: 1)
    let chain = try WebRTCPlayoutChain(
      .init(format: .opus, playout: .init(payloadType: 111)), sink: tap)
    var now = HostTime(nanoseconds: 1_000_000_000)
    var heard: [Float] = []
    for (number, packet) in server.packets.enumerated() {
      now = now + .milliseconds(10)
      var room = [Float](repeating: .nan, count: 960)
      unsafe room.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        unsafe tap.render(into: base, frames: 480, at: now, delay: .milliseconds(5))
      }
      heard += room
      unsafe chain.receive(
        .init(
          ssrc: 1, sequenceNumber: UInt16(number),
          timestamp: UInt32(truncatingIfNeeded: packet.start), payloadType: 111, arrival: now),
        payload: packet.payload.span.bytes)
      chain.play(now: now)
    }
    #expect(tap.report?.frames == 480)
    #expect(heard.suffix(9_600).contains { abs($0) > 0.4 })
    #expect(chain.facts.counts.underruns == 0)
    #expect(!chain.facts.isExact)
  }
}

/// The phase of a tone at a window's beginning, in turns.
private func phase(_ samples: [Float], hertz: Double) -> Double {
  var (s, c) = (0.0, 0.0)
  for (index, sample) in samples.enumerated() {
    let turns = 2 * Double.pi * hertz / 48_000 * Double(index)
    s += Double(sample) * sin(turns)
    c += Double(sample) * cos(turns)
  }
  return atan2(c, s) / (2 * .pi)
}

/// The power of what a tone leaves of a sound, where amplitude and phase fit best.
private func noise(_ samples: [Float], hertz: Double) -> Double {
  let turns = samples.indices.map { 2 * Double.pi * hertz / 48_000 * Double($0) }
  let (s, c) = (turns.map { sin($0) }, turns.map { cos($0) })
  let x = samples.map { Double($0) }
  func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  let (ss, cc, sc, xs, xc) = (dot(s, s), dot(c, c), dot(s, c), dot(x, s), dot(x, c))
  let determinant = ss * cc - sc * sc
  let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant)
  return x.indices.reduce(0) { sum, index in
    let rest = x[index] - a * s[index] - b * c[index]
    return sum + rest * rest
  } / Double(x.count)
}

/// The power of a sound of 2^n samples, under a Blackman-Harris window (skirts below -92 dB).
private func spectrum(_ samples: [Float]) -> [Double] {
  let size = samples.count
  var re = samples.enumerated().map { index, sample -> Double in
    let x = 2 * Double.pi * Double(index) / Double(size)
    return Double(sample)
      * (0.358_75 - 0.488_29 * cos(x) + 0.141_28 * cos(2 * x) - 0.011_68 * cos(3 * x))
  }
  var im = [Double](repeating: 0, count: size)
  var other = 0
  for index in 1..<size {
    var bit = size >> 1
    while other & bit != 0 {
      other ^= bit
      bit >>= 1
    }
    other ^= bit
    if index < other { re.swapAt(index, other) }
  }
  var length = 2
  while length <= size {
    let angle = -2 * Double.pi / Double(length)
    let turns = (0..<length / 2).map { (cos(angle * Double($0)), sin(angle * Double($0))) }
    for start in stride(from: 0, to: size, by: length) {
      for k in 0..<length / 2 {
        let (a, b) = (start + k, start + k + length / 2)
        let x = re[b] * turns[k].0 - im[b] * turns[k].1
        let y = re[b] * turns[k].1 + im[b] * turns[k].0
        (re[b], im[b]) = (re[a] - x, im[a] - y)
        re[a] += x
        im[a] += y
      }
    }
    length *= 2
  }
  return (0...size / 2).map { re[$0] * re[$0] + im[$0] * im[$0] }
}
