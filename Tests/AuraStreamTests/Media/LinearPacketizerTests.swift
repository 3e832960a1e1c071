import AuraStream
import Testing

struct LinearPacketizerTests {
  private func ramp(_ frames: Range<Int>) -> [Float] {
    frames.flatMap { [Float($0) / 65_536, -Float($0) / 65_536] }
  }

  /// Puts sound through in blocks; what came out, with its places.
  private func run(
    _ packetizer: inout LinearPacketizer, _ frames: Range<Int>, block: Int = 100
  ) -> (samples: [Float], packets: [PacketMaker.Packet]) {
    var samples: [Float] = []
    var packets: [PacketMaker.Packet] = []
    let coding = packetizer.coding
    for start in stride(from: frames.lowerBound, to: frames.upperBound, by: block) {
      let sound = ramp(start..<min(start + block, frames.upperBound))
      packetizer.append(
        sound.span, at: MediaTime(frames: Int64(start)),
        endingAt: HostTime(nanoseconds: 0) + .frames(start + sound.count / 2)
      ) { payload, packet in
        #expect(coding.decode(payload, appendingTo: &samples) == coding.packetFrames)
        packets.append(packet)
      }
    }
    return (samples, packets)
  }

  @Test(arguments: LinearAudio.allCases)
  func soundComesOutAsItWasAndWhereItWas(coding: LinearAudio) {
    var packetizer = LinearPacketizer(coding)
    let (samples, packets) = run(&packetizer, 0..<4_800)
    #expect(coding.packetBytes <= OutgoingFlow.mostPayloadBytes)
    #expect(packets.count == 4_800 / coding.packetFrames)
    let scale: Float = coding == .l16 ? 32_768 : 8_388_608
    #expect(samples == ramp(0..<samples.count / 2).map { ($0 * scale).rounded() / scale })
    for (index, packet) in packets.enumerated() {
      // No look-ahead: a packet's place is that of the first frame that went in.
      #expect(packet.start.frames == Int64(index * coding.packetFrames))
      #expect(packet.capturedAt == HostTime(nanoseconds: 0) + .frames(index * coding.packetFrames))
      #expect(packet.isMarked == (index == 0))
    }
  }

  @Test func whoeverComesLaterHearsNothingOld() {
    var packetizer = LinearPacketizer(.l24)
    // A packet is begun, everyone goes, and somebody comes a minute later.
    _ = run(&packetizer, 0..<1_000)
    packetizer.reset()
    let (samples, packets) = run(&packetizer, 30_000..<31_000)
    #expect(packets.first?.start.frames == 30_000 && packets.first?.isMarked == true)
    #expect(samples.first == 30_000.0 / 65_536)
  }
}
