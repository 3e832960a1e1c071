import AuraStream
import Testing

struct ReceptionRecordTests {
  private let start = HostTime(nanoseconds: 5_000_000_000)

  private func note(_ record: inout ReceptionRecord, _ number: Int, at milliseconds: Int)
    -> ReceptionRecord.Arrival
  {
    record.note(
      sequenceNumber: UInt16(truncatingIfNeeded: number),
      timestamp: UInt32(truncatingIfNeeded: number * 480),
      now: start + .milliseconds(milliseconds))
  }

  @Test func wrapsAreCounted() {
    var record = ReceptionRecord()
    for number in 65_000..<200_000 {
      #expect(note(&record, number, at: (number - 65_000) * 10) == .inOrder)
    }
    #expect(record.received == 135_000 && record.expected == 135_000 && record.missing == 0)
    #expect(record.jitter == 0)
  }

  @Test func lateOnesAndCopiesAreToldApart() {
    var record = ReceptionRecord()
    #expect(note(&record, 10, at: 0) == .inOrder)
    #expect(note(&record, 13, at: 30) == .inOrder)
    #expect(record.missing == 2 && record.hasSeen(13) && !record.hasSeen(12))
    #expect(note(&record, 11, at: 31) == .late)
    #expect(note(&record, 11, at: 32) == .duplicate)
    #expect(note(&record, 9, at: 33) == .late)
    #expect(record.expected == 5 && record.missing == 1 && record.duplicates == 1)
    for number in 14..<2_000 { _ = note(&record, number, at: number * 10) }
    #expect(note(&record, 12, at: 20_000) == .tooOld)
    #expect(record.missing == 1)
  }

  @Test func fractionsAreOfWhatCameSince() {
    var record = ReceptionRecord()
    for number in 0..<100 where number % 4 != 1 { _ = note(&record, number, at: number * 10) }
    #expect(record.takeFractionLost() == 64)
    for number in 100..<200 { _ = note(&record, number, at: number * 10) }
    #expect(record.takeFractionLost() == 0)
    #expect(record.takeFractionLost() == 0)
  }

  @Test func jitterIsTheSpreadOfArrivals() {
    var record = ReceptionRecord()
    // Timestamps wrap in the middle; every second packet is 4 ms late.
    for number in 0..<2_000 {
      _ = record.note(
        sequenceNumber: UInt16(number),
        timestamp: UInt32(truncatingIfNeeded: number * 480 - 480_000),
        now: start + .milliseconds(number * 10 + number % 2 * 4))
    }
    #expect(abs(record.jitter - 192) < 1)
  }
}
