internal import AuraStream

extension Target {
  /// The byte stream of the original protocol, cut where the program says.
  static let original = Target(
    name: "original", executions: 40_000, longest: 400, run: tryStream,
    seeds: {
      let format = OriginalFormat(sampleRate: 48_000, channels: 1, chunkSize: 2)
      let stream =
        OriginalFormat.framed(format.announcement) + OriginalFormat.lengthPrefix(8) + Array(0..<8)
        + OriginalFormat.lengthPrefix(8) + Array(8..<16)
      return [
        [0, 1] + stream, [7, 1] + stream, [1, 2] + Array(stream.dropLast(3)), [9, 9, 0x47],
      ]
    })
}

/// What came out of a stream: its messages, and whether it was refused.
private struct Reading: Equatable {
  var messages: [OriginalParser.Message] = []
  var failure: OriginalParser.Failure?
}

/// The first byte is the pieces' length, the second the chunks' frames; the rest is the stream.
private func tryStream(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let piece = 1 + Int(program.byte())
  let frames = Int(program.byte() & 15) + 1
  let stream = program.remainder()
  let inPieces = read(stream, piece: piece, frames: frames)
  check(
    inPieces == read(stream, piece: stream.count + 1, frames: frames),
    "it does not matter how a stream was cut")
  check(inPieces.messages.count <= stream.count / 4, "a message has a length before it")
}

private func read(_ stream: [UInt8], piece: Int, frames: Int) -> Reading {
  let format = OriginalFormat(sampleRate: 48_000, channels: 1, chunkSize: frames)
  var parser = OriginalParser()
  var reading = Reading()
  for start in stride(from: 0, to: stream.count, by: piece) {
    var input = stream[start..<min(start + piece, stream.count)]
    do throws(OriginalParser.Failure) {
      while let message = try parser.next(&input) {
        reading.messages.append(message)
        check(isBounded(message, format), "a message is as long as agreed")
        if case .announcement = message { parser.expectChunks(of: format) }
      }
    } catch {
      reading.failure = error
      return reading
    }
    check(input.isEmpty, "all that is not a message yet is taken")
  }
  return reading
}

private func isBounded(_ message: OriginalParser.Message, _ format: OriginalFormat) -> Bool {
  switch message {
  case .announcement(let json): json.count <= OriginalParser.longestAnnouncement
  case .chunk(let bytes): bytes.count == format.chunkByteCount
  }
}
