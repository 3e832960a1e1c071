@testable import AuraAudio
import Testing

@Suite struct OutputRecordTests {
  @Test(arguments: [
    [], [nil], ["alsa_output.usb"], ["AuraLync", nil],
    ["AuraLync-2", "AuraLync", "alsa_output.usb"],
  ])
  func whatIsWrittenIsRead(_ formers: [String?]) {
    let change = OutputRecord.Change(backend: .pulse, device: "AuraLync-3", formers: formers)
    #expect(OutputRecord.Change(change.text) == change)
  }

  @Test(
    arguments: [
      ("pulse\nAuraLync\ndefault\nspeaker\n", ["speaker"]), ("pulse\nAuraLync\ndefault\n\n", [nil]),
      ("pulse\nAuraLync\n\n\n", []),
    ] as [(String, [String?])])
  func aRecordOfOneFormerIsRead(_ text: String, formers: [String?]) {
    let change = OutputRecord.Change(backend: .pulse, device: "AuraLync", formers: formers)
    #expect(OutputRecord.Change(text) == change)
    #expect(change.text == text)
  }

  @Test(
    arguments: [
      (["AuraLync-2", "AuraLync", "speaker"], ["speaker", "AuraLync"], "AuraLync"),
      (["AuraLync-2", "AuraLync", "speaker"], ["speaker"], "speaker"),
      // It may come back.
      (["AuraLync", "speaker"], ["other"], "speaker"), (["AuraLync", nil], ["other"], nil),
      (["AuraLync", nil], ["AuraLync"], "AuraLync"), ([nil], ["other"], nil), ([], ["other"], nil),
    ] as [([String?], [String], String?)])
  func theFirstThatIsThereIsChosen(_ formers: [String?], there: [String], choice: String?) {
    let change = OutputRecord.Change(backend: .pulse, device: "AuraLync-3", formers: formers)
    #expect(change.choice(among: there) == choice)
  }

  @Test(arguments: ["speaker", nil])
  func whatIsBehindAnotherDeviceOfOursIsReadInItsRecord(_ chosen: String?) throws {
    func formers(_ device: OutputDevice, _ name: String, now: String?) -> [String?] {
      OutputRecord.formers(of: device, named: name, on: .pulse, now: now)
    }
    let names = (0..<3).map { "test-\($0)-\(UInt64.random(in: 0...(.max)))" }
    let devices = names.map { _ in OutputDevice(claiming: .zero) }
    #expect(formers(devices[0], names[0], now: chosen) == [chosen])
    let first = try OutputRecord(
      OutputRecord.Change(backend: .pulse, device: names[0], formers: [chosen]))
    defer { first.remove() }
    #expect(formers(devices[1], names[1], now: names[0]) == [names[0], chosen])
    let second = try OutputRecord(
      OutputRecord.Change(backend: .pulse, device: names[1], formers: [names[0], chosen]))
    defer { second.remove() }
    #expect(formers(devices[2], names[2], now: names[1]) == [names[1], names[0], chosen])
    // In a new server what was chosen first counts, whatever is the default there.
    #expect(formers(devices[0], names[0], now: "automatic") == [chosen])
    #expect(formers(devices[0], names[0], now: names[1]) == [names[1], chosen])
    // PipeWire tells what was chosen, so a newer choice counts, and none says nothing.
    let one = OutputDevice(claiming: .zero)
    for now in ["speaker", nil, "x", "headset"] {
      let kept = now == "headset" ? "headset" : "speaker"
      #expect(OutputRecord.formers(of: one, named: "x", on: .pipewire, now: now) == [kept])
    }
    // Another server's is none.
    let other = OutputDevice(claiming: .zero)
    #expect(
      OutputRecord.formers(of: other, named: "x", on: .pipewire, now: names[0]) == [names[0]])
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
