/// Why sound could not be read or converted: one sentence for a person, which says what to do.
package struct CodecError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The sentence, without a full stop at its end.
  package var description: String

  /// An error with its sentence.
  package init(_ description: String) { self.description = description }
}
