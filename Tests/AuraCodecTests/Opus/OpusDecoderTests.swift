import AuraCodec
import AuraStream
import Testing

@Suite struct OpusDecoderTests {
  @Test(
    arguments: [
      [], [0xFF], [0x03], [0x03, 0x00], [0x03, 0x3F], [0xFD, 0x01, 0x02], [0x02, 0xFF],
    ] as [[UInt8]])
  func malformedPacketsAreRefused(packet: [UInt8]) throws {
    var decoder = try OpusDecoder()
    var output: [Float] = [1, 2]
    let made = decoder.decode(packet.span, appendingTo: &output)
    if made == nil {
      #expect(output == [1, 2])
    } else {
      #expect(output.count == 2 + 2 * (made ?? 0))
    }
  }

  @Test func aPacketTellsItsLength() throws {
    for profile in opusProfiles {
      var encoder = try OpusEncoder(profile)
      for packet in encoder.packets(of: noise(frames: 4800)) {
        #expect(OpusDecoder.frames(in: packet.span) == profile.frames)
      }
    }
    let nothing: [UInt8] = []
    #expect(OpusDecoder.frames(in: nothing.span) == nil)
    let odd: [UInt8] = [0x01]  // two frames of one length each: nothing to share
    var decoder = try OpusDecoder()
    var output: [Float] = []
    _ = decoder.decode(odd.span, appendingTo: &output)
    #expect(output.count % 2 == 0)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func anythingAtAllMayArrive(seed: UInt64) throws {
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var encoder = try OpusEncoder(opusProfiles[Int(seed) % 3])
    var decoder = try OpusDecoder()
    let good = encoder.packets(of: noise(frames: 48_000, seed: seed))
    for turn in 0..<3000 {
      var packet = good[turn % good.count]
      switch random(4) {
      case 0: packet = (0..<random(1500)).map { _ in UInt8(random(256)) }
      case 1: packet = Array(packet.prefix(random(packet.count + 1)))
      case 2: for _ in 0...random(8) { packet[random(packet.count)] ^= UInt8(1 << random(8)) }
      default: break
      }
      var output: [Float] = []
      let made = decoder.decode(packet.span, appendingTo: &output)
      #expect(output.count == 2 * (made ?? 0), "seed \(seed), turn \(turn)")
      #expect(made.map { $0 <= OpusDecoder.mostFrames } ?? true)
      guard output.allSatisfy({ $0.isFinite }) else {
        Issue.record("seed \(seed), turn \(turn): not finite")
        return
      }
    }
    // And it plays on.
    decoder.reset()
    #expect(decoder.sound(of: good).count == 2 * 48_000)
  }

  @Test func aLostPacketIsConcealedWithoutAClick() throws {
    var encoder = try OpusEncoder(.smooth)
    var decoder = try OpusDecoder()
    let packets = encoder.packets(of: stereoTone(frames: 48_000))
    var output: [Float] = []
    for (index, packet) in packets.enumerated() {
      if index == 50 {
        decoder.conceal(frames: 480, appendingTo: &output)
      } else {
        _ = decoder.decode(packet.span, appendingTo: &output)
      }
    }
    #expect(output.count == 2 * 48_000)
    let left = channel(0, of: output, channels: 2)
    // The tone goes on through the hole, and bends no more than a little beside it.
    #expect(level(left[24_000..<24_480]) > 0.2)
    let usual = largestBend(Array(left[12_000..<20_000]))
    #expect(largestBend(Array(left[23_900..<25_500])) < 30 * usual)
  }

  @Test func aLongSilenceOfTheNetworkFadesOut() throws {
    var encoder = try OpusEncoder(.smooth)
    var decoder = try OpusDecoder()
    _ = decoder.sound(of: encoder.packets(of: stereoTone(frames: 24_000)))
    var output: [Float] = []
    for _ in 0..<100 { decoder.conceal(frames: 480, appendingTo: &output) }
    #expect(output.count == 2 * 48_000)
    #expect(level(output[(2 * 43_200)...]) < 0.02)
  }

  @Test(arguments: [(0, 0), (1, 120), (120, 120), (121, 240), (500, 600), (5760, 5760)])
  func concealedFramesAreRoundedUp(asked: Int, made: Int) throws {
    var encoder = try OpusEncoder(.smooth)
    var decoder = try OpusDecoder()
    _ = decoder.sound(of: encoder.packets(of: stereoTone(frames: 4800)))
    var output: [Float] = []
    decoder.conceal(frames: asked, appendingTo: &output)
    #expect(output.count == 2 * made)
  }
}
