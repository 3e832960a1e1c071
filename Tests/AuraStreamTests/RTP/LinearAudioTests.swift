import AuraStream
import Testing

struct LinearAudioTests {
  private func payload(_ format: LinearAudio, _ samples: [Float]) -> [UInt8] {
    var room = [UInt8](repeating: 0xaa, count: samples.count * 3)
    var span = room.mutableSpan
    let count = format.encode(samples.span, into: &span)
    return Array(room[..<count])
  }

  @Test func theBytesAreThoseOfTheStandards() {
    #expect(payload(.l16, [0, 0.5, -1, -0.5]) == [0, 0, 0x40, 0, 0x80, 0, 0xc0, 0])
    #expect(
      payload(.l24, [0.5, -1, -1 / 8_388_608]) == [0x40, 0, 0, 0x80, 0, 0, 0xff, 0xff, 0xff])
  }

  @Test func whatIsTooLoudIsCutAndNoNumbersAreSilence() {
    #expect(payload(.l16, [1, 7, -9, .nan]) == [0x7f, 0xff, 0x7f, 0xff, 0x80, 0, 0, 0])
    #expect(
      payload(.l24, [.infinity, -.infinity]) == [0x7f, 0xff, 0xff, 0x80, 0, 0])
  }

  @Test(arguments: LinearAudio.allCases)
  func everyStepComesBackAsItWas(format: LinearAudio) {
    let scale: Float = format == .l16 ? 32_768 : 8_388_608
    let step = format == .l16 ? 1 : 97
    let samples = stride(from: -Int(scale), to: Int(scale), by: step).map { Float($0) / scale }
    var decoded: [Float] = []
    let whole = samples.count % 2 == 0 ? samples : Array(samples.dropLast())
    let bytes = payload(format, whole)
    let frames = format.decode(bytes.span, appendingTo: &decoded)
    #expect(frames == whole.count / 2)
    #expect(decoded == whole)
  }

  @Test func aPacketFitsInto1200Bytes() {
    // 1,200 less RTP header and tag.
    let room = 1_200 - 12 - 16
    #expect(LinearAudio.l16.packetFrames(room: room) == 240)
    #expect(LinearAudio.l24.packetFrames(room: room) == 192)
    #expect(LinearAudio.l24.packetFrames(room: room, channels: 8) == 48)
    #expect(LinearAudio.l16.packetFrames(room: 100) == nil)
  }

  @Test func brokenPayloadsAreRefused() {
    for count in [0, 1, 2, 3, 5, 7] {
      var output: [Float] = [1]
      let bytes = [UInt8](repeating: 0, count: count)
      let l16 = LinearAudio.l16.decode(bytes.span, appendingTo: &output)
      #expect(l16 == nil)
      let l24 = LinearAudio.l24.decode(bytes.span, appendingTo: &output)
      #expect(l24 == nil)
      #expect(output == [1])
    }
  }
}
