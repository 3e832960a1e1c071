/// A number for `/metrics`, in the text format of Prometheus (exposition format 0.0.4).
package struct Metric: Equatable, Sendable {
  package enum Kind: String, Sendable {
    /// Grows from the program's start.
    case counter
    /// Goes up and down.
    case gauge
  }

  /// Letters, digits and `_`; ends in `_total` if it is a counter, and in its unit if it has one.
  package var name: String
  package var kind: Kind
  /// A sentence.
  package var help: String
  /// The values, told apart by one label; a single one without a label has an empty name.
  package var values: [(label: String, value: Double)]
  /// The label's name; nil when there is none.
  package var label: String?

  /// A number by itself.
  package init(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
    self.init(name, kind, help, Double(value))
  }

  /// A number by itself.
  package init(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
    self.name = name
    self.kind = kind
    self.help = help
    values = [("", value)]
  }

  /// Numbers that belong together.
  package init(
    _ name: String, _ kind: Kind, _ help: String, by label: String,
    _ values: some Sequence<(String, Int)>
  ) {
    self.name = name
    self.kind = kind
    self.help = help
    self.label = label
    self.values = values.map { (label: $0, value: Double($1)) }
  }

  package static func == (a: Self, b: Self) -> Bool { a.text == b.text }

  /// The lines of the metric.
  var text: String {
    var text = "# HELP auralync_\(name) \(help)\n# TYPE auralync_\(name) \(kind.rawValue)\n"
    for (value, number) in values {
      let label = label.map { "{\($0)=\"\(value)\"}" } ?? ""
      let digits =
        number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
      text += "auralync_\(name)\(label) \(digits)\n"
    }
    return text
  }
}
