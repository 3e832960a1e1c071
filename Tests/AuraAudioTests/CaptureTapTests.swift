internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Glibc
internal import Testing

@Suite struct CaptureTapTests {
  private static func instant(_ frame: Int) -> HostTime {
    HostTime(nanoseconds: 1_000_000_000) + .frames(frame)
  }

  @Test func blocksComeInOrderWithTheirInstants() throws {
    let tap = CaptureTap(minimumFrames: 1024)
    #expect(tap.nextBlock == nil)
    let lengths = [256, 1, 300, 128]
    var frame = 0
    for length in lengths {
      tap.deliver(
        numberedFrames(from: frame, count: length), capturedAt: Self.instant(2 * frame))
      frame += length
    }
    frame = 0
    for length in lengths {
      let next = try #require(tap.nextBlock)
      #expect(next.frames == length)
      let block = try #require(tap.take())
      #expect(block.samples == numberedFrames(from: frame, count: length))
      #expect(block.capturedAt == Self.instant(2 * frame))
      frame += length
    }
    #expect(tap.nextBlock == nil)
    #expect(tap.overflowedFrames == 0)
  }

  @Test func whatWasMissedStandsWithTheBlockAfterIt() {
    let tap = CaptureTap(minimumFrames: 1024)
    let samples = numberedFrames(from: 0, count: 100)
    let told = [0, 256, 0, 512, -256, 0, 128, -256, 0]
    for missed in told {
      unsafe samples.withUnsafeBufferPointer { buffer in
        guard let start = buffer.baseAddress else { return }
        unsafe tap.deliver(start, frames: 100, capturedAt: Self.instant(0), missed: missed)
      }
    }
    for missed in [0, 256, 0, 256, 0, 0, 0, 0, 0] {
      #expect(tap.nextBlock?.missed == missed)
      _ = tap.take()
    }
    #expect(tap.nextBlock == nil)
  }

  @Test func whereTheNewestIsHeldEveryBlockWaitsForTheNext() throws {
    let tap = CaptureTap(minimumFrames: 1024)
    tap.holdNewest()
    for index in 0..<3 {
      tap.deliver(
        numberedFrames(from: 100 * index, count: 100), capturedAt: Self.instant(100 * index))
      guard index > 0 else {
        #expect(tap.nextBlock == nil)
        continue
      }
      let block = try #require(tap.take())
      #expect(block.capturedAt == Self.instant(100 * (index - 1)))
      #expect(tap.nextBlock == nil)
    }
    tap.releaseNewest()
    #expect(tap.take()?.capturedAt == Self.instant(200))
  }

  @Test func aBlockAfterLostOnesWaitsForTheNext() {
    let tap = CaptureTap(minimumFrames: 1024)
    let samples = numberedFrames(from: 0, count: 100)
    unsafe samples.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      unsafe tap.deliver(start, frames: 100, capturedAt: Self.instant(0), missed: 256)
      #expect(tap.nextBlock == nil)
      unsafe tap.deliver(start, frames: 100, capturedAt: Self.instant(100))
    }
    #expect(tap.nextBlock?.missed == 256)
  }

  @Test func blockWithoutRoomIsDroppedWholeAndCounted() throws {
    let tap = CaptureTap(minimumFrames: 512)
    tap.deliver(numberedFrames(from: 0, count: 400), capturedAt: Self.instant(0))
    tap.deliver(numberedFrames(from: 400, count: 200), capturedAt: Self.instant(400))
    #expect(tap.overflowedFrames == 200)
    // A shorter one still fits: it tells by its instant what is missing.
    tap.deliver(numberedFrames(from: 600, count: 112), capturedAt: Self.instant(600))
    #expect(tap.overflowedFrames == 200)
    let first = try #require(tap.take())
    #expect(first.samples == numberedFrames(from: 0, count: 400))
    let second = try #require(tap.take())
    #expect(second.samples == numberedFrames(from: 600, count: 112))
    #expect(second.capturedAt == Self.instant(600))
    #expect(tap.nextBlock == nil)
  }

  @Test func blockLongerThanTheTapIsCounted() {
    let tap = CaptureTap(minimumFrames: 64)
    tap.deliver(numberedFrames(from: 0, count: tap.capacity + 1), capturedAt: Self.instant(0))
    #expect(tap.overflowedFrames == tap.capacity + 1)
    #expect(tap.nextBlock == nil)
  }

  @Test func countlessTinyBlocksOverflowWithoutHarm() throws {
    let tap = CaptureTap(minimumFrames: 65_536)
    let delivered = 5000
    for frame in 0..<delivered {
      tap.deliver(numberedFrames(from: frame, count: 1), capturedAt: Self.instant(frame))
    }
    var taken = 0
    while let block = tap.take() {
      #expect(block.samples == numberedFrames(from: taken, count: 1))
      taken += 1
    }
    #expect(taken > 0)
    #expect(taken + tap.overflowedFrames == delivered)
    tap.deliver(numberedFrames(from: 7, count: 3), capturedAt: Self.instant(7))
    #expect(try #require(tap.take()).samples == numberedFrames(from: 7, count: 3))
  }

  @Test func blockCanBeThrownAway() throws {
    let tap = CaptureTap(minimumFrames: 64)
    tap.deliver(numberedFrames(from: 0, count: 40), capturedAt: Self.instant(0))
    tap.deliver(numberedFrames(from: 40, count: 20), capturedAt: Self.instant(40))
    unsafe tap.takeBlock(into: nil)
    #expect(try #require(tap.take()).samples == numberedFrames(from: 40, count: 20))
  }

  @Test func emptyBlockIsNoBlock() {
    let tap = CaptureTap(minimumFrames: 64)
    let sample: Float = 0
    unsafe withUnsafePointer(to: sample) { pointer in
      unsafe tap.deliver(pointer, frames: 0, capturedAt: Self.instant(0))
    }
    #expect(tap.nextBlock == nil)
    #expect(!tap.wakeUp.wait(timeout: .zero))
  }

  @Test func deliveryWakesTheReader() {
    let tap = CaptureTap(minimumFrames: 64)
    #expect(!tap.wakeUp.wait(timeout: .zero))
    tap.deliver(numberedFrames(from: 0, count: 1), capturedAt: Self.instant(0))
    #expect(tap.wakeUp.wait(timeout: .zero))
  }

  /// What a reader that is sometimes late gets is whole blocks in order; the rest is counted.
  @Test func twoThreadsAgree() {
    let tap = CaptureTap(minimumFrames: 2048)
    let blocks = 1000
    let deadline = HostClock.now + .seconds(60)
    let writer = HostThread(name: "writer") {
      var chance = SeededGenerator(seed: 3)
      var frame = 0
      for _ in 0..<blocks {
        let count = Int.random(in: 1...256, using: &chance)
        tap.deliver(numberedFrames(from: frame, count: count), capturedAt: Self.instant(frame))
        frame += count
        if frame % 7 == 0 { sched_yield() }
      }
      // The end: an empty-handed reader knows by it that nothing more comes.
      while tap.nextBlock != nil, HostClock.now < deadline { sched_yield() }
      tap.deliver([0, 0], capturedAt: Self.instant(frame))
    }
    var received = 0
    var next = 0
    var skipped = 0
    var wrong = 0
    while HostClock.now < deadline {
      guard let block = tap.take() else {
        tap.wakeUp.wait(timeout: .milliseconds(10))
        continue
      }
      if block.samples == [0, 0], next > 0 {
        skipped += (block.capturedAt - Self.instant(next)).roundedFrames
        break
      }
      let gap = (block.capturedAt - Self.instant(next)).roundedFrames
      if gap < 0 || !isNumbered(block.samples, from: next + gap) { wrong += 1 }
      skipped += gap
      next += gap + block.samples.count / 2
      received += 1
    }
    writer.join()
    #expect(wrong == 0)
    #expect(received > 0)
    #expect(skipped == tap.overflowedFrames)
  }
}

extension Duration {
  /// Instants are whole nanoseconds, frames are not: the nearest.
  fileprivate var roundedFrames: Int { Int((inSeconds * Double(MediaTime.rate)).rounded()) }
}
