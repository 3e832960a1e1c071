import Testing

@testable import AuraStream

/// Levels of sound, millisecond by millisecond, wherever the blocks' borders are.
struct LevelTraceTests {
  /// Stereo whose amplitude is full scale in the milliseconds of `loud`, -20 dB elsewhere.
  private func sound(_ frames: Range<Int>, loud: Set<Int>) -> [Float] {
    frames.flatMap { frame -> [Float] in
      let value: Float = loud.contains(frame / 48) ? 1 : 0.1
      return [value, value]
    }
  }

  @Test(arguments: [48, 1, 7, 96, 100, 1024])
  func levelsLieAtTheirMilliseconds(block: Int) throws {
    var tracer = LevelTracer()
    let all = 0..<4800
    for start in stride(from: all.lowerBound, to: all.upperBound, by: block) {
      let frames = start..<min(start + block, all.upperBound)
      let block = sound(frames, loud: [3, 50])
      tracer.append(block.span, at: MediaTime(frames: Int64(start)))
    }
    let found = try #require(tracer.trace.levels(from: MediaTime(frames: 0), count: 1000))
    #expect(found.start == MediaTime(frames: 0))
    #expect(found.levels.count == 100)
    for (index, level) in found.levels.enumerated() {
      #expect(level == ([3, 50].contains(index) ? 0 : 40), "\(index)")
    }
    let later = try #require(tracer.trace.levels(from: MediaTime(frames: 2401), count: 2))
    #expect(later.start == MediaTime(frames: 2400) && later.levels == [0, 40])
    #expect(tracer.trace.levels(from: MediaTime(frames: 4800), count: 10) == nil)
    #expect(tracer.trace.levels(from: MediaTime(frames: 0), count: 0) == nil)
  }

  @Test func oppositeChannelsAreSilent() throws {
    var tracer = LevelTracer()
    let samples: [Float] = (0..<96).map { $0.isMultiple(of: 2) ? 0.5 : -0.5 }
    tracer.append(samples.span, at: MediaTime(frames: 0))
    let found = try #require(tracer.trace.levels(from: MediaTime(frames: 0), count: 9))
    #expect(found.levels == [192])
  }

  @Test func whatIsMissingIsSilent() throws {
    var tracer = LevelTracer()
    let first = sound(0..<100, loud: [0, 1, 2])
    tracer.append(first.span, at: MediaTime(frames: 0))
    // Begins within a millisecond, which is left out.
    let later = sound(250..<480, loud: [])
    tracer.append(later.span, at: MediaTime(frames: 250))
    let found = try #require(tracer.trace.levels(from: MediaTime(frames: -96), count: 1000))
    #expect(found.start == MediaTime(frames: 0))
    #expect(found.levels == [0, 0, 192, 192, 192, 192, 40, 40, 40, 40])
  }

  @Test func whoReadsKeepsNothingOutForGood() throws {
    var tracer = LevelTracer()
    let trace = tracer.trace
    let second = sound(0..<48_000, loud: [])
    tracer.append(second.span, at: MediaTime(frames: 0))
    trace.keepOut { tracer.append(second.span, at: MediaTime(frames: 48_000)) }
    #expect(trace.levels(from: MediaTime(frames: 48_000), count: 1) == nil)
    tracer.append(second.span, at: MediaTime(frames: 96_000))
    let found = try #require(trace.levels(from: MediaTime(frames: 0), count: 4000))
    #expect(found.levels == Array(repeating: 40, count: 3000) && trace.lost == 0)

    // For five seconds: that is more than is kept back, and it is told.
    trace.keepOut {
      for number in 3..<8 {
        tracer.append(second.span, at: MediaTime(frames: Int64(48_000 * number)))
      }
    }
    #expect(trace.lost == 5000)
    tracer.append(second.span, at: MediaTime(frames: 8 * 48_000))
    let after = try #require(trace.levels(from: MediaTime(frames: 2 * 48_000), count: 7000))
    #expect(
      after.levels == Array(repeating: 40, count: 1000) + Array(repeating: 192, count: 5000)
        + Array(repeating: 40, count: 1000))
  }

  @Test func theOldestAreForgotten() throws {
    var tracer = LevelTracer()
    let second = sound(0..<48_000, loud: [])
    for number in 0..<20 {
      tracer.append(second.span, at: MediaTime(frames: Int64(48_000 * number)))
    }
    #expect(tracer.trace.levels(from: MediaTime(frames: 0), count: 100) == nil)
    let oldest = Int64(20_000 - LevelTrace.kept)
    let found = try #require(
      tracer.trace.levels(from: MediaTime(frames: 48 * (oldest - 5)), count: 10))
    #expect(found.start == MediaTime(frames: 48 * oldest) && found.levels.count == 5)
    // A long way on: nothing of before is left, and nobody waits for the way to be filled.
    tracer.append(second.span, at: MediaTime(frames: 48_000_000_000))
    let after = try #require(
      tracer.trace.levels(from: MediaTime(frames: 48_000_000_000 - 480), count: 20))
    #expect(after.levels == Array(repeating: 192, count: 10) + Array(repeating: 40, count: 10))
  }
}
