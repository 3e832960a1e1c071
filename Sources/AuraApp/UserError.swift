/// An error that ends the program with one line on standard error: `auralync: MESSAGE`.
struct UserError: Error, Equatable, CustomStringConvertible {
  /// What is wrong, and what to do: sentences for a person.
  var message: String
  var exitCode: Int32

  /// The exit code of a wrong command line or setting, after sysexits.h.
  static let usage: Int32 = 64

  init(_ message: String, exitCode: Int32 = 1) {
    self.message = message
    self.exitCode = exitCode
  }

  var description: String { message }
}
