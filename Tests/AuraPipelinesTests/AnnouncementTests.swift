import AuraStream
import Testing

@testable import AuraPipelines

struct AnnouncementTests {
  @Test func theOriginalsSpelling() {
    #expect(
      Announcement(json: Array(#"{"sample_rate": 44100, "channels": 2, "chunk_size": 1024}"#.utf8))
        == .format(OriginalFormat(sampleRate: 44_100, channels: 2, chunkSize: 1024)))
  }

  @Test func otherSpellingsAndMoreKeys() {
    #expect(
      Announcement(
        json: Array(#"{"chunk_size":512,"x":[1,{}],"channels":1.0,"sample_rate":48000.0}"#.utf8))
        == .format(OriginalFormat(sampleRate: 48_000, channels: 1, chunkSize: 512)))
  }

  @Test func aRefusal() {
    #expect(
      Announcement(json: Array(#"{"error": "Server full"}"#.utf8)) == .refusal("Server full"))
  }

  @Test(arguments: [
    "", "{", "[]", "null", "42", #"{"sample_rate": 44100}"#,
    #"{"sample_rate": "44100", "channels": 2, "chunk_size": 1024}"#,
    #"{"sample_rate": 44100.5, "channels": 2, "chunk_size": 1024}"#,
    #"{"sample_rate": 1e99, "channels": 2, "chunk_size": 1024}"#,
    #"{"sample_rate": 44100, "channels": 0, "chunk_size": 1024}"#,
    #"{"sample_rate": 44100, "channels": 2, "chunk_size": -1}"#,
    #"{"sample_rate": 44100, "channels": 2, "chunk_size": 1000000000}"#,
  ])
  func anythingElseIsAbsurd(json: String) {
    guard case .absurd = Announcement(json: Array(json.utf8)) else {
      Issue.record("\(json) was accepted")
      return
    }
  }

  @Test func bytesThatAreNoText() {
    guard case .absurd = Announcement(json: [0xff, 0xfe, 0, 0x80]) else {
      Issue.record("accepted")
      return
    }
  }
}
