@testable import AuraAudio
import Testing

@Suite struct OutputRecordTests {
  @Test(arguments: ["alsa_output.usb", nil])
  func whatIsWrittenIsRead(_ former: String?) {
    let change = OutputRecord.Change(
      backend: .pulse, device: "AuraLync-2", former: former, becameDefault: former != nil)
    #expect(OutputRecord.Change(change.text) == change)
  }

  @Test(arguments: ["", "pulse", "pulse\nAuraLync\n", "jack\nAuraLync\ndefault\nspeaker\n"])
  func halfARecordIsNone(_ text: String) {
    #expect(OutputRecord.Change(text) == nil)
  }

  @Test func aTakenNameGetsANumber() {
    #expect(OutputDevice.freeName(besides: ["speaker"]) == "AuraLync")
    #expect(OutputDevice.freeName(besides: ["AuraLync", "AuraLync-2"]) == "AuraLync-3")
  }
}
