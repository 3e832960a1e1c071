import AuraStream
import Testing

@Suite struct PCMFormatTests {
  @Test func saysRateAndChannelsOrLeavesThem() {
    #expect(PCMFormat("s16le") == PCMFormat(encoding: .s16le, sampleRate: 48_000, channels: 2))
    #expect(PCMFormat("f32le:8000") == PCMFormat(encoding: .f32le, sampleRate: 8000, channels: 2))
    #expect(
      PCMFormat("s16le:192000:8")
        == PCMFormat(encoding: .s16le, sampleRate: 192_000, channels: 8))
    #expect(PCMFormat("s16le:44100:1")?.bytesPerFrame == 2)
    #expect(PCMFormat("f32le:44100:6")?.bytesPerFrame == 24)
    #expect(PCMFormat("s16le")?.description == "s16le:48000:2")
  }

  @Test(arguments: [
    "", "s16be", "S16LE", "s16le:", "s16le:7999", "s16le:192001", "s16le:44100:", "s16le:44100:0",
    "s16le:44100:9", "s16le:44100:2:1", "s16le: 44100", "s16le:+44100", "s16le:44100.0", ":44100",
    "s16le:99999999999999999999",
  ])
  func anythingElseIsRefused(text: String) {
    #expect(PCMFormat(text) == nil)
  }
}
