internal import AuraStream

extension Target {
  /// How much a listener holds: arrivals at any time, leads and silences of any length.
  static let playout = Target(
    name: "playout", executions: 30_000, longest: 300, run: tryPlayout,
    seeds: {
      let steady: [UInt8] = (0..<10).flatMap { _ in [0, 20, 0, 200, 0, 0] }
      return [[0] + steady, [0] + steady + [3, 0, 0, 0, 0, 90] + steady, [60, 0, 20, 9, 0, 0, 0]]
    })

  /// Where a client of the original protocol stands among the chunks.
  static let cursor = Target(
    name: "cursor", executions: 30_000, longest: 200, run: tryCursor,
    seeds: { [[9, 5, 0, 3, 1, 4, 0, 2, 0, 30, 1], [1, 1, 0, 9, 1, 0, 9, 1, 2, 0, 200, 1]] })
}

/// The first byte is a fixed target in milliseconds, or 0. Then an arrival for every six bytes: time
/// since the last, lead in tenths of a millisecond, and silence.
private func tryPlayout(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let fixed = program.byte()
  var controller = PlayoutController(fixedTarget: fixed == 0 ? nil : .milliseconds(Int64(fixed)))
  var now = HostTime(nanoseconds: 1_000_000_000)
  var skipped = 0
  while !program.isAtEnd {
    now = now + .milliseconds(Int64(program.uint16()))
    let lead = Duration.microseconds((Int64(program.uint16()) - 500) * 100)
    let silence = Duration.milliseconds(Int64(program.uint16() & 0x0fff) / 16)
    let action = controller.arrival(frames: 960, lead: lead, silence: silence, now: now)
    skipped += action.skipFrames
    check((0...960).contains(action.skipFrames), "not more is left out than has come")
    check(action.padFrames >= 0, "silence has no negative length")
    check(
      action.padFrames <= (controller.target - lead).frames() + 1 || action.padFrames == 0,
      "silence fills up to the target")
    check(
      abs(action.rateCorrection) <= PlayoutController.largestCorrection,
      "no pitch is changed audibly")
    check(controller.skippedFrames == skipped, "what is left out is counted")
    check(
      fixed != 0 || controller.target <= PlayoutController.longestJitter + .milliseconds(6),
      "an outage does not make the buffer deeper")
    check(
      controller.target >= .milliseconds(fixed == 0 ? 10 : Int64(fixed)), "a buffer has its least")
  }
}

/// Message length and queue first. Instructions: 0 and 1 publish chunks, 2 and 3 send bytes; then
/// the queue's limit is applied.
private func tryCursor(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let length = 1 + Int(program.byte())
  let queue = 1 + Int(program.byte() & 15)
  var published = 0
  var cursor = ChunkCursor(at: 0)
  // What is still to be finished of a chunk that has been dropped behind the cursor's back.
  var sent = 0
  while !program.isAtEnd {
    switch program.byte() & 3 {
    case 0, 1: published += Int(program.byte() & 7)
    default:
      let waiting = (published - cursor.chunk) * length - cursor.offset
      let count = min(Int(program.uint16()), max(0, waiting))
      cursor.advance(bytes: count, messageByteCount: length)
      sent += count
    }
    let before = cursor
    switch cursor.trim(published: published, queueSize: queue) {
    case .nothing: check(cursor == before, "who is within the queue loses nothing")
    case .dropped: check(before.offset == 0, "what has begun is finished")
    case .finish(let chunk, let offset):
      check(chunk == before.chunk && offset == before.offset, "what has begun is finished")
      check(offset > 0, "what has not begun is not finished")
      sent += length - offset
    }
    check((0..<length).contains(cursor.offset), "a place in a message is inside it")
    check(published - cursor.chunk <= queue, "nobody is behind by more than the queue")
    check(cursor.chunk <= published, "nobody is ahead of what there is")
    check(
      sent == (cursor.chunk - cursor.dropped) * length + cursor.offset,
      "every chunk is sent or counted")
  }
}
