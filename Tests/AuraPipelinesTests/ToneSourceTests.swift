import AuraAudio
import AuraHost
import AuraPipelines
import AuraStream
import Testing

@Suite struct ToneSourceTests {
  @Test func aToneFlowsAtItsPaceWithoutASeam() throws {
    let ear = SourceEar()
    let began = HostClock.now
    let source = ToneSource(hertz: 997, tap: ear.tap) { ear.note($0) }
    source.start()
    defer { source.stop() }
    try ear.listen { $0.left.count >= 48_000 }
    source.stop()
    let took = HostClock.now - began
    #expect(took > .milliseconds(950))
    let heard = ear.heard
    #expect(heard.events == [.running(device: "tone of 997 Hz")])
    #expect(heard.left == heard.right)
    #expect(heard.blocks.allSatisfy { $0.frames == 240 })
    // -12 dB, and no bend that the tone itself does not have.
    #expect(abs((heard.left.max() ?? 0) - 0.2512) < 0.001)
    #expect(largestBend(heard.left) < bend(hertz: 997, amplitude: 0.2512) * 1.01)
    // Each block begins where the last ended, or later where the machine held us up.
    for (block, next) in zip(heard.blocks, heard.blocks.dropFirst()) {
      let step = next.at - block.at
      #expect(step == .milliseconds(5) || step > .milliseconds(80))
    }
  }

  @Test func stopsAtOnceAndTwice() {
    let ear = SourceEar()
    let source = ToneSource(hertz: 440, tap: ear.tap) { ear.note($0) }
    source.start()
    source.stop()
    source.stop()
    let before = ear.tap.nextBlock?.frames
    source.start()
    #expect(ear.tap.nextBlock?.frames == before)
    let never = ToneSource(hertz: 440, tap: ear.tap) { ear.note($0) }
    never.stop()
  }
}
