import AuraCodec
import AuraStream
import CAllocations
import Testing

private struct Published {
  var payload: [UInt8]
  var packet: PacketMaker.Packet

  init(_ payload: Span<UInt8>, _ packet: PacketMaker.Packet) {
    self.payload = payload.indices.map { payload[$0] }
    self.packet = packet
  }
}

private let origin = HostTime(nanoseconds: 9_000_000_000)

@Suite struct OpusPacketizerTests {
  @Test(arguments: opusProfiles, [64, 441, 1024])
  func soundComesOutAsItWentIn(profile: OpusProfile, block: Int) throws {
    var packetizer = try OpusPacketizer(profile)
    var decoder = try OpusDecoder()
    let input = stereoTone(frames: 48_000)
    var packets: [Published] = []
    for first in stride(from: 0, to: 48_000, by: block) {
      let end = min(first + block, 48_000)
      packetizer.append(
        input.span.extracting(2 * first..<2 * end), at: MediaTime(frames: Int64(first)),
        endingAt: origin + .frames(end)
      ) { packets.append(Published($0, $1)) }
    }
    packetizer.finish { packets.append(Published($0, $1)) }
    #expect(packets.count == 48_000 / profile.frames)
    for (index, packet) in packets.map(\.packet).enumerated() {
      let first = index * profile.frames - packetizer.lookahead
      #expect(packet.start.frames == Int64(first))
      #expect(packet.isMarked == (index == 0))
      let off = packet.capturedAt - (origin + .frames(first))
      #expect(abs(off.inNanoseconds) <= 1)
    }
    let left = channel(0, of: decoder.sound(of: packets.map(\.payload)), channels: 2)
    let fit = fitSine(left[12_000..<36_000], hertz: 440, rate: 48_000)
    #expect(fit.decibelsAboveRest > 30)
    #expect(packetizer.refusedPackets == 0)
  }

  @Test func aJumpIsMarked() throws {
    var packetizer = try OpusPacketizer(.smooth)
    let sound = stereoTone(frames: 700)
    var packets: [Published] = []
    let last = Int64(1) << 32 - 480
    let lag = Int64(packetizer.lookahead)
    for start in [last, last + 5000] {
      packetizer.append(
        sound.span, at: MediaTime(frames: start), endingAt: origin
      ) { packets.append(Published($0, $1)) }
    }
    packetizer.finish { packets.append(Published($0, $1)) }
    let starts = [last, last + 480, last + 5000, last + 5480].map { $0 - lag }
    #expect(packets.map(\.packet.start.frames) == starts)
    #expect(packets.map(\.packet.isMarked) == [true, false, true, false])
  }

  @Test(arguments: opusProfiles)
  func allocatesNothingWhileItRuns(profile: OpusProfile) throws {
    var packetizer = try OpusPacketizer(profile)
    let input = noise(frames: 1024)
    var bytes = 0
    var counts: [Int] = [0, 0]
    // The first turn may set things up; the second has jumps, too.
    for turn in 0..<2 {
      let before = aura_test_allocations()
      for block in 0..<200 {
        let jump = turn == 1 && block % 50 == 49 ? 3000 : 0
        packetizer.append(
          input.span, at: MediaTime(frames: Int64((turn * 200 + block) * 1024 + jump)),
          endingAt: origin
        ) { payload, _ in bytes += payload.count }
      }
      counts[turn] = aura_test_allocations() - before
    }
    #expect(bytes > 0)
    #expect(counts[1] == 0)
    let before = aura_test_allocations()
    let planted = [UInt8](repeating: 1, count: bytes)
    #expect(planted.count == bytes)
    #expect(aura_test_allocations() > before, "the count does not count")
  }
}

/// Packets of another length from the middle of the sound on: as if nothing had been.
@Suite struct PacketLengthTests {
  @Test(arguments: opusProfiles)
  func theSoundGoesOn(profile: OpusProfile) throws {
    var packetizer = try OpusPacketizer(profile)
    var decoder = try OpusDecoder()
    let input = stereoTone(frames: 96_000)
    var packets: [Published] = []
    for (turn, first) in stride(from: 0, to: 96_000, by: 1_000).enumerated() {
      if turn == 30 { packetizer.setFrames(960) }
      if turn == 60 { packetizer.setFrames(profile.frames) }
      packetizer.append(
        input.span.extracting(2 * first..<2 * (first + 1_000)),
        at: MediaTime(frames: Int64(first)), endingAt: origin + .frames(first + 1_000)
      ) { packets.append(Published($0, $1)) }
    }
    packetizer.finish { packets.append(Published($0, $1)) }
    let starts = packets.map(\.packet.start.frames)
    let lengths = zip(starts.dropFirst(), starts).map { $0 - $1 }
    #expect(Set(lengths) == [Int64(profile.frames), 960])
    #expect(lengths.filter { $0 == 960 }.count >= 30)
    #expect(packets.filter(\.packet.isMarked).count == 1)
    // A tone that is whole over both changes: nothing was left out, doubled or faded.
    let left = channel(0, of: decoder.sound(of: packets.map(\.payload)), channels: 2)
    #expect(left.count >= 96_000)
    let fit = fitSine(left[12_000..<84_000], hertz: 440, rate: 48_000)
    #expect(fit.decibelsAboveRest > 30)
  }
}
