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

  @Test(.timeLimit(.minutes(1)))
  func soundIsHandedOnInOrderAndTheFillingIsWhatIsClaimed() throws {
    let stage = try Stage(claiming: .milliseconds(90))
    defer { stage.end() }
    #expect(stage.device.claimed == PulsePipeReader.latency(ofPages: 8))
    let first = stage.take(frames: 12_000)
    // After what silence there was at first, one frame after the other.
    let start = try #require(first.samples.firstIndex { $0 != 0 })
    let numbers = first.samples[start...].map { Int(($0 * 8_388_608).rounded()) }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 })
    #expect(numbers.count > 5_000)
    // The instants run on with the frames: nothing is thrown away by those who trust them.
    let gaps = zip(first.blocks, first.blocks.dropFirst()).filter { block, next in
      let gap = next.at - (block.at + .frames(block.frames))
      return gap > .milliseconds(1) || gap < .milliseconds(-1)
    }
    #expect(gaps.count <= 1, "a thread that was held up begins anew")
  }

  @Test(.timeLimit(.minutes(1)))
  func anotherClaimIsFollowedWhileSoundFlows() throws {
    let stage = try Stage(claiming: .milliseconds(50))
    defer { stage.end() }
    _ = stage.take(frames: 4_000)
    for (wanted, pages) in [(180, 16), (40, 4)] {
      stage.device.claim(.milliseconds(wanted))
      while stage.device.claimed != PulsePipeReader.latency(ofPages: pages) {
        _ = stage.take(frames: 480)
      }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func whatAPlayerReallyReadsIsToldInItsNextPause() throws {
    let stage = try Stage(claiming: .milliseconds(90))
    defer { stage.end() }
    // This writer fills every page.
    let usual = PulsePipeReader.latency(ofPages: 8)
    var fillings: [Int] = []
    for _ in 0..<400 {
      _ = stage.take(frames: 240)
      fillings.append(stage.waitingFrames)
    }
    #expect(stage.device.claimed == usual, "nothing moves while sound flows")
    stage.pause()
    while stage.device.claimed == usual { _ = stage.take(frames: 240) }
    let told = stage.device.claimed.frames()
    #expect(abs(fillings.sorted()[200] - told) < 341, "\(told), \(fillings)")
  }

  /// A reader, its pipe, and a writer that numbers its frames in the left channel's samples.
  private final class Stage {
    let device: OutputDevice
    private let tap = CaptureTap()
    private let reader = PulsePipeReader()
    private let path = "/tmp/auralync-reader-\(getpid())-\(UInt64.random(in: 0...(.max)))"
    private let descriptor: Int32
    private let isEnding = WakeUp()
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
      writer = HostThread(name: "test-writer") { [isEnding] in
        var number: Int32 = 0
        while !isEnding.wait(timeout: .milliseconds(2)) {
          while unsafe write(descriptor, Self.block(from: number), 4092) == 4092 { number += 682 }
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

    func pause() { reader.setPlayedInto(false) }

    var waitingFrames: Int {
      var bytes: Int32 = 0
      _ = unsafe ioctl(descriptor, UInt(FIONREAD), &bytes)
      return Int(bytes) / 6
    }

    /// The left channel of the next frames, and the blocks they came in.
    func take(frames: Int) -> (samples: [Float], blocks: [(at: HostTime, frames: Int)]) {
      var samples: [Float] = []
      var blocks: [(HostTime, Int)] = []
      while samples.count < frames {
        guard let block = tap.nextBlock else {
          tap.wakeUp.wait(timeout: .seconds(5))
          continue
        }
        var stereo = [Float](repeating: 0, count: 2 * block.frames)
        unsafe stereo.withUnsafeMutableBufferPointer { unsafe tap.takeBlock(into: $0.baseAddress) }
        samples += stride(from: 0, to: stereo.count, by: 2).map { stereo[$0] }
        blocks.append((block.capturedAt, block.frames))
      }
      return (samples, blocks)
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
