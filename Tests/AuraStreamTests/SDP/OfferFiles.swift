import Foundation

/// The session descriptions of a folder of Tests/Vectors.
struct SDPFiles {
  private let folder: URL

  init(_ name: String) {
    folder =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Vectors/\(name)").standardizedFileURL
  }

  /// The file's text, lines ended as they came: CRLF.
  func text(_ name: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(name + ".sdp"), encoding: .utf8)
  }

  /// Every file's name, without its extension.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
      .filter { $0.hasSuffix(".sdp") }.map { String($0.dropLast(4)) }.sorted()
  }
}

/// The offers of Tests/Vectors/sdp.
enum OfferFiles {
  private static let files = SDPFiles("sdp")

  static func text(_ name: String) throws -> String { try files.text(name) }
  static let names = files.names
}

/// The answers of Tests/Vectors/sdp-answers.
enum AnswerFiles {
  private static let files = SDPFiles("sdp-answers")

  static func text(_ name: String) throws -> String { try files.text(name) }
  static let names = files.names
}
