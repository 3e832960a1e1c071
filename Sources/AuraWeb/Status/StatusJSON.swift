internal import AuraStream

extension WebStatus {
  /// The status as JSON (RFC 8259); durations in milliseconds.
  ///
  /// - Parameter page: where phones find the page.
  /// - Returns: one object.
  func json(page: PageAddress) -> String {
    let broadcasts = broadcasts.map { entry in
      JSONText.object(
        [
          ("slug", .string(entry.slug)), ("name", .string(entry.name)),
          ("source", .string(entry.source)), ("live", .bool(entry.isLive)),
          ("listeners", JSONText(text: String(entry.listeners))),
          ("whep", .string("/whep/\(entry.slug)")),
        ] + entry.presentation.members)
    }
    let listeners = listeners.map { entry in
      JSONText.object([
        ("broadcast", .string(entry.broadcast)), ("transport", .string(entry.transport)),
        ("codec", .word(entry.codec)),
        ("delay_ms", .milliseconds(entry.delay)), ("parts_ms", .parts(entry.parts)),
        ("loss", .number(entry.loss)),
        ("jitter_ms", .milliseconds(entry.jitter)),
        ("round_trip_ms", .milliseconds(entry.roundTrip)),
        ("since", JSONText(text: String(entry.since))),
      ])
    }
    return JSONText.object([
      ("address", .string(page.url)), ("broadcasts", .array(broadcasts)),
      ("listeners", .array(listeners)),
    ]).text
  }
}

extension WebStatus.Presentation {
  var members: [(name: String, value: JSONText)] {
    [("mode", .string(mode.rawValue)), ("delay_ms", .milliseconds(delay))]
  }

  /// As JSON.
  var json: String { JSONText.object(members).text }
}

extension ListenerAdvice {
  /// As JSON; durations in milliseconds.
  var json: String {
    JSONText.object(presentation.members + [("late_ms", .milliseconds(late))]).text
  }
}

extension BroadcastClock {
  /// The clock as JSON; instants in milliseconds of the server's own clock.
  var json: String {
    func milliseconds(_ instant: HostTime) -> JSONText {
      .number(Double(instant.nanoseconds) / 1e6)
    }
    return JSONText.object(
      [
        ("now_ms", milliseconds(now)), ("rtp", JSONText(text: String(rtpTimestamp))),
        ("at_ms", milliseconds(capturedAt)), ("frames_per_ms", .number(framesPerMillisecond)),
      ] + presentation.members + [("plan", notice.json)]
    ).text
  }
}

extension PresentationNotice {
  /// As JSON; delays in milliseconds, null in live mode.
  fileprivate var json: JSONText {
    let isFilm = mode == .film
    return JSONText.object([
      ("number", JSONText(text: String(number))), ("mode", .string(mode.rawValue)),
      ("rtp", JSONText(text: String(timestamp))), ("first_ms", .milliseconds(isFilm ? first : nil)),
      ("last_ms", .milliseconds(isFilm ? last : nil)),
    ])
  }
}

extension BroadcastLevels {
  /// As JSON.
  var json: String {
    JSONText.object([
      ("rtp", JSONText(text: String(rtpTimestamp))),
      ("levels", .array(levels.map { JSONText(text: String($0)) })),
    ]).text
  }
}

/// A piece of JSON, already written.
struct JSONText: Equatable {
  let text: String

  static func object(_ members: [(name: String, value: JSONText)]) -> JSONText {
    let members = members.map { "\(string($0.name).text):\($0.value.text)" }
    return JSONText(text: "{\(members.joined(separator: ","))}")
  }

  static func array(_ elements: [JSONText]) -> JSONText {
    JSONText(text: "[\(elements.map(\.text).joined(separator: ","))]")
  }

  static func bool(_ value: Bool) -> JSONText { JSONText(text: value ? "true" : "false") }

  /// Null when there is no number, or none that JSON can say.
  static func number(_ value: Double?) -> JSONText {
    guard let value, value.isFinite else { return JSONText(text: "null") }
    return JSONText(text: String(value))
  }

  static func milliseconds(_ duration: Duration?) -> JSONText {
    number(duration.map { ($0.inMilliseconds * 1000).rounded() / 1000 })
  }

  /// Milliseconds by the names of the parts.
  static func parts(_ parts: DelayParts?) -> JSONText {
    guard let parts else { return JSONText(text: "null") }
    return object(DelayParts.all.map { ($0.name, .milliseconds(parts[keyPath: $0.path])) })
  }

  /// Null for nil.
  static func word(_ value: String?) -> JSONText {
    value.map { string($0) } ?? JSONText(text: "null")
  }

  static func string(_ value: String) -> JSONText {
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return JSONText(text: text + "\"")
  }
}
