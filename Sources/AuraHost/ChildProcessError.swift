internal import Glibc

/// Why a program could not be started. The text is one sentence for a person.
package struct ChildProcessError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// There is no such program (a shell would exit with 127).
    case notFound
    /// It is there but cannot be run (a shell would exit with 126).
    case notExecutable
    /// The system has no room for another process.
    case failed
  }

  package var kind: Kind
  /// As it was asked for.
  package var program: String
  package var description: String

  init(program: String, code: Int32) {
    self.program = program
    switch code {
    case ENOENT, ENOTDIR:
      kind = .notFound
      description = "There is no program \(program): install it, or give its path."
    case EACCES, ENOEXEC, EISDIR, EPERM:
      kind = .notExecutable
      description = "\(program) is not a program that can be run (\(hostErrorText(code)))."
    default:
      kind = .failed
      description = "\(program) could not be started (\(hostErrorText(code)))."
    }
  }
}
