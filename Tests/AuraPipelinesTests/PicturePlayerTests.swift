import AuraHost
import Foundation
import Glibc
import Synchronization
import Testing

@testable import AuraPipelines

/// Stands in for mpv: listens on a Unix socket and takes what comes.
private final class FakePlayer {
  private let listening: Int32
  private var connection: Int32 = -1

  init(_ path: String) throws {
    listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = UInt16(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(listening, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0 && listen(listening, 4) == 0)
  }

  /// The next line that comes; waits for it.
  func line() -> String {
    if connection < 0 { connection = accept(listening, nil, nil) }
    var text = ""
    var byte: UInt8 = 0
    while unsafe read(connection, &byte, 1) == 1, byte != 10 {
      text.unicodeScalars.append(.init(byte))
    }
    return text
  }

  func close() {
    if connection >= 0 { Glibc.close(connection) }
    Glibc.close(listening)
  }
}

@Suite struct PicturePlayerTests {
  @Test func delaysAreSaidInSeconds() {
    func text(_ milliseconds: Int) -> String {
      String(decoding: PicturePlayer.command(for: .milliseconds(milliseconds)), as: UTF8.self)
    }
    #expect(text(250) == #"{"command":["set_property","audio-delay",-0.250]}"# + "\n")
    #expect(text(2_005) == #"{"command":["set_property","audio-delay",-2.005]}"# + "\n")
    #expect(text(0) == #"{"command":["set_property","audio-delay",-0.000]}"# + "\n")
  }

  @Test func aPlayerIsToldAgainWhenItIsBack() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/aura-\(UUID().uuidString.prefix(8))"
    defer { unsafe unlink(path) }
    let news = Mutex<[Bool]>([])
    let delay = Mutex(Duration.milliseconds(300))
    let picture = PicturePlayer(path: path, delay: { delay.withLock { $0 } }) { there in
      news.withLock { $0.append(there) }
    }
    // On a thread of its own: the pool's must not wait for sockets.
    let lines = await withCheckedContinuation { continuation in
      _ = HostThread(name: "fake-mpv") {
        var lines: [String] = []
        if let player = try? FakePlayer(path) {
          lines.append(player.line())
          delay.withLock { $0 = .milliseconds(400) }
          lines.append(player.line())
          player.close()
        }
        unsafe unlink(path)
        if let player = try? FakePlayer(path) {
          lines.append(player.line())
          picture.stop()
          lines.append(player.line())
          player.close()
        }
        continuation.resume(returning: lines)
      }
    }
    let delays = lines.map { $0.split(separator: ",").last ?? "" }
    #expect(delays == ["-0.300]}", "-0.400]}", "-0.400]}", "-0.000]}"])
    #expect(news.withLock { $0 } == [true, false, true])
  }
}
