import Foundation

/// The offers of Tests/Vectors/sdp.
enum OfferFiles {
  private static var folder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Vectors/sdp").standardizedFileURL
  }

  /// The file's text, lines ended as they came: CRLF.
  static func text(_ name: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(name + ".sdp"), encoding: .utf8)
  }

  /// Every file's name, without its extension.
  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".sdp") }.map { String($0.dropLast(4)) }.sorted()
}
