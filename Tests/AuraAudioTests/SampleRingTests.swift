internal import AuraAudio
internal import AuraHost
internal import Glibc
internal import Synchronization
internal import Testing

/// The ring with one thread and with two; `script/test` runs these under thread sanitizer too.
@Suite struct SampleRingTests {
  /// `count` frames whose left samples count up from `first` and whose right ones are negative.
  private func frames(from first: Int, count: Int) -> [Float] {
    (first..<first + count).flatMap { [Float($0), -Float($0)] }
  }

  private func write(_ samples: [Float], to ring: SampleRing) -> Int {
    unsafe samples.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe ring.write(start, frames: buffer.count / SampleRing.channels)
    }
  }

  private func read(_ frames: Int, from ring: SampleRing) -> [Float] {
    var samples = [Float](repeating: .nan, count: frames * SampleRing.channels)
    let count = unsafe ring.read(into: &samples, frames: frames)
    return Array(samples.prefix(count * SampleRing.channels))
  }

  @Test func capacityIsThePowerOfTwoAbove() {
    #expect(SampleRing(minimumFrames: 1).capacity == 1)
    #expect(SampleRing(minimumFrames: 64).capacity == 64)
    #expect(SampleRing(minimumFrames: 65).capacity == 128)
  }

  @Test func keepsOrderAroundItsEnd() {
    let ring = SampleRing(minimumFrames: 8)
    var written = 0
    var taken = 0
    for step in 0..<100 {
      written += write(frames(from: written, count: step % 9), to: ring)
      #expect(ring.readableFrames == written - taken)
      #expect(ring.writableFrames == 8 - (written - taken))
      let samples = read(step % 5, from: ring)
      #expect(samples == frames(from: taken, count: samples.count / 2))
      taken += samples.count / 2
    }
    #expect(taken > 100)
  }

  @Test func refusesWhatDoesNotFit() {
    let ring = SampleRing(minimumFrames: 4)
    #expect(write(frames(from: 0, count: 6), to: ring) == 4)
    #expect(write(frames(from: 9, count: 1), to: ring) == 0)
    #expect(ring.skip(frames: 3) == 3)
    #expect(read(9, from: ring) == [3, -3])
    #expect(ring.skip(frames: 1) == 0)
    #expect(read(1, from: ring).isEmpty)
  }

  @Test(arguments: [1, 16, 1024])
  func twoThreadsLoseAndMixNothing(_ capacity: Int) {
    let ring = SampleRing(minimumFrames: capacity)
    let total = 40_000
    let wrong = Wrong()
    let writer = HostThread(name: "writer") {
      var next = 0
      while next < total {
        let count = write(frames(from: next, count: min(1 + next % 17, total - next)), to: ring)
        if count == 0 { sched_yield() }
        next += count
      }
    }
    let reader = HostThread(name: "reader") {
      var next = 0
      while next < total {
        if next % 100 == 50 {
          next += ring.skip(frames: 1)
          continue
        }
        let samples = read(min(1 + next % 13, total - next), from: ring)
        if samples.isEmpty { sched_yield() }
        if samples != frames(from: next, count: samples.count / 2) {
          wrong.count.add(1, ordering: .relaxed)
        }
        next += samples.count / 2
      }
    }
    writer.join()
    reader.join()
    #expect(wrong.count.load(ordering: .relaxed) == 0)
    #expect(ring.readableFrames == 0)
  }
}

/// Frames that were not what was written.
private final class Wrong: Sendable {
  let count = Atomic<Int>(0)
}
