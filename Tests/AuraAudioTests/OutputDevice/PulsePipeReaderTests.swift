@testable import AuraAudio
import AuraHost
import AuraStream
@unsafe @preconcurrency import Glibc
import Synchronization
import Testing

/// The reader against a writer that does as `module-pipe-sink` does: it keeps the pipe full.
@Suite struct PulsePipeReaderTests {
  @Test func sizesAreNearestToTheDelay() {
    let delays = [1, 28, 150, 250, 300, 1000, 2000, 5000]
    let pages = delays.map { PulsePipeReader.pages(for: .milliseconds($0)) }
    #expect(pages == [2, 2, 16, 16, 32, 64, 128, 256])
    #expect(PulsePipeReader.latency(ofPages: 16) == .frames(16 * 546 - 273))
  }

  /// Who needs a delay is told no shorter one, as long as nobody waits for longer than the cap.
  @Test(arguments: [
    (520, 1_000, 64), (360, 1_000, 64), (358, 1_000, 32), (600, 600, 32), (730, 1_000, 64),
    (250, 2_000, 32), (170, 170, 8), (1, 1_000, 2), (1, 1, 2), (5_000, 5_000, 256),
  ])
  func sizesAreNotBelowWhatIsNeeded(delay: Int, ceiling: Int, pages: Int) {
    let device = OutputDevice(claiming: .milliseconds(delay))
    device.ceiling = .milliseconds(ceiling)
    #expect(PulsePipeReader.pages(for: device) == pages)
    device.ceiling = nil
    #expect(PulsePipeReader.pages(for: device) == PulsePipeReader.pages(for: .milliseconds(delay)))
  }

  @Test(.timeLimit(.minutes(1)))
  func soundIsHandedOnInOrderAndTheFillingIsWhatIsClaimed() throws {
    let stage = try Stage(claiming: .milliseconds(90))
    defer { stage.end() }
    #expect(stage.device.claimed == PulsePipeReader.latency(ofPages: 8))
    let first = stage.take(frames: 12_000)
    // But for silence where there was none to take, one frame after the other.
    let numbers = first.numbers.filter { $0 != 0 }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 })
    #expect(numbers.count > 5_000)
    // The instants run on with the frames: nothing is thrown away by those who trust them.
    #expect(first.gaps.count <= 1, "a thread that was held up begins anew: \(first.gaps)")
  }

  /// Whole pages hold more than is claimed: who hears must not be given what is captured only in a tenth
  /// of a second.
  @Test(.timeLimit(.minutes(1)))
  func nothingIsHandedOnBeforeItsCapture() throws {
    let stage = try Stage(claiming: .milliseconds(360))
    defer { stage.end() }
    #expect(stage.device.claimed == PulsePipeReader.latency(ofPages: 32))
    let heard = stage.take(frames: 48_000)
    #expect(try #require(heard.earliest) < .milliseconds(5))
  }

  @Test(.timeLimit(.minutes(1)))
  func anotherClaimWaitsForAPauseAndCostsNoSound() throws {
    let stage = try Stage(claiming: .milliseconds(50))
    defer { stage.end() }
    var heard = stage.take(frames: 4_000)
    for (wanted, pages) in [(180, 16), (40, 4), (360, 32), (90, 8)] {
      let before = stage.device.claimed
      stage.device.claim(.milliseconds(wanted))
      heard += stage.take(frames: 24_000)
      #expect(stage.device.claimed == before, "nothing moves while sound flows")
      stage.fallSilent(true)
      let wished = PulsePipeReader.latency(ofPages: pages).inMilliseconds
      // This writer fills every page, and what is read then may be known already.
      heard += stage.take { abs(stage.device.claimed.inMilliseconds - wished) < wished / 3 }
      stage.fallSilent(false)
      heard += stage.take(frames: 24_000)
    }
    let numbers = heard.numbers.filter { $0 != 0 }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 })
    #expect(heard.gaps.count <= 1, "a thread that was held up begins anew: \(heard.gaps)")
    // But for the silence that is put in at once.
    #expect(try #require(heard.earliest) < .milliseconds(10))
  }

  @Test(.timeLimit(.minutes(1)))
  func whatAPlayerReallyReadsIsToldInItsNextPause() throws {
    let stage = try Stage(claiming: .milliseconds(90))
    defer { stage.end() }
    // This writer fills every page.
    let usual = PulsePipeReader.latency(ofPages: 8)
    var fillings: [Int] = []
    var heard = stage.take(frames: 240)
    for _ in 0..<400 {
      heard += stage.take(frames: 240)
      fillings.append(stage.waitingFrames)
    }
    #expect(stage.device.claimed == usual, "nothing moves while sound flows")
    stage.fallSilent(true)
    let typical = fillings.sorted()[200]
    heard += stage.take { abs(stage.device.claimed.frames() - typical) < 341 }
    stage.fallSilent(false)
    heard += stage.take(frames: 24_000)
    #expect(heard.gaps.count <= 1, "a thread that was held up begins anew: \(heard.gaps)")
  }

  /// What a reader has handed on.
  private struct Heard {
    /// The left channel, as the writer numbered it.
    var numbers: [Int] = []
    var blocks: [(at: HostTime, frames: Int)] = []
    /// By how much a block's last frame came before its capture instant, at most.
    var earliest: Duration?

    static func += (heard: inout Heard, more: Heard) {
      heard.numbers += more.numbers
      heard.blocks += more.blocks
      heard.earliest = [heard.earliest, more.earliest].compactMap(\.self).max()
    }

    /// Where a block does not begin at the instant at which the one before it ends.
    var gaps: [Duration] {
      zip(blocks, blocks.dropFirst()).map { $1.at - ($0.at + .frames($0.frames)) }
        .filter { $0 > .milliseconds(1) || $0 < .milliseconds(-1) }
    }
  }

  /// A reader, its pipe, and a writer that numbers its frames in the left channel's samples.
  private final class Stage {
    let device: OutputDevice
    private let tap = CaptureTap()
    private let reader = PulsePipeReader()
    private let path = "/tmp/auralync-reader-\(getpid())-\(UInt64.random(in: 0...(.max)))"
    private let descriptor: Int32
    private let isEnding = WakeUp()
    private let isSilent = SharedFlag()
    private let writer: HostThread

    init(claiming delay: Duration) throws {
      device = OutputDevice(claiming: delay)
      let pipe = try #require(
        SoundPipe(path: path, pages: PulsePipeReader.pages(for: delay)))
      let descriptor = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
      try #require(descriptor >= 0)
      self.descriptor = descriptor
      reader.setPlayedInto(true)
      reader.start(pipe, for: device, into: tap)
      // A sound server's, which is before the reader's.
      writer = HostThread(name: "test-writer", realTimePriority: 21) { [isEnding, isSilent] in
        // Loud enough not to be taken for silence.
        var number: Int32 = 10_000
        while !isEnding.wait(timeout: .milliseconds(2)) {
          let isSilent = isSilent.value
          let silence = [UInt8](repeating: 0, count: 4092)
          while unsafe write(descriptor, isSilent ? silence : Self.block(from: number), 4092)
            == 4092
          {
            if !isSilent { number += 682 }
          }
        }
      }
    }

    /// 682 frames whose numbers are both channels' samples.
    private static func block(from number: Int32) -> [UInt8] {
      (number..<number + 682).flatMap { value in
        let bytes = [UInt8(value & 255), UInt8(value >> 8 & 255), UInt8(value >> 16 & 255)]
        return bytes + bytes
      }
    }

    /// As a film does in a quiet scene: the player goes on.
    func fallSilent(_ isSilent: Bool) { self.isSilent.value = isSilent }

    var waitingFrames: Int {
      var bytes: Int32 = 0
      _ = unsafe ioctl(descriptor, UInt(FIONREAD), &bytes)
      return Int(bytes) / 6
    }

    /// The next frames, and what comes in one block with them.
    func take(frames: Int) -> Heard {
      var heard = Heard()
      while heard.numbers.count < frames {
        guard let block = tap.nextBlock else {
          tap.wakeUp.wait(timeout: .seconds(5))
          continue
        }
        var stereo = [Float](repeating: 0, count: 2 * block.frames)
        unsafe stereo.withUnsafeMutableBufferPointer { unsafe tap.takeBlock(into: $0.baseAddress) }
        heard.numbers += stride(from: 0, to: stereo.count, by: 2).map {
          Int((stereo[$0] * 8_388_608).rounded())
        }
        heard.blocks.append((block.capturedAt, block.frames))
        let early = block.capturedAt + .frames(block.frames) - HostClock.now
        heard.earliest = max(heard.earliest ?? early, early)
      }
      return heard
    }

    /// Frames until something has come to pass, or ten seconds of them have come.
    func take(until isDone: () -> Bool) -> Heard {
      var heard = Heard()
      while !isDone() {
        heard += take(frames: 480)
        guard heard.numbers.count < 480_000 else {
          Issue.record("not within ten seconds of sound; claimed \(device.claimed)")
          break
        }
      }
      return heard
    }

    func end() {
      isEnding.signal()
      writer.join()
      reader.stop()
      close(descriptor)
      unsafe unlink(path)
    }
  }
}

private final class SharedFlag: Sendable {
  private let flag = Atomic(false)

  var value: Bool {
    get { flag.load(ordering: .relaxed) }
    set { flag.store(newValue, ordering: .relaxed) }
  }
}
