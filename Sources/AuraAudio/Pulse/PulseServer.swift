internal import CPulse
internal import Glibc

/// Which PulseAudio server to ask, and what it means when it does not let us in.
enum PulseServer {
  private static let systemWide = "unix:/var/run/pulse/native"

  /// The server to connect to; nil leaves the choice to libpulse.
  ///
  /// libpulse would complain on standard error about another user's runtime directory and then
  /// look at the system-wide server only: both are done here, in order.
  ///
  /// - Throws: `SoundError` when the server in question is another user's.
  static func choose() throws(SoundError) -> String? {
    guard unsafe getenv("PULSE_SERVER") == nil, unsafe getenv("PULSE_RUNTIME_PATH") == nil,
      let directory = unsafe getenv("XDG_RUNTIME_DIR").map({ unsafe String(cString: $0) })
    else { return nil }
    var status = stat()
    guard unsafe stat(directory, &status) == 0, status.st_uid != geteuid() else { return nil }
    guard unsafe access("\(directory)/pulse/native", F_OK) == 0 else { return systemWide }
    throw SoundError(
      .refused,
      "The PulseAudio server of XDG_RUNTIME_DIR (\(directory)) belongs to another user: run "
        + "auralync as the user with id \(status.st_uid).")
  }

  /// What to tell when there is no connection.
  ///
  /// - Parameters:
  ///   - code: libpulse's error.
  ///   - systemError: the operating system's, when the connection could not even begin.
  ///   - address: the last server that was tried.
  /// - Returns: one sentence for a person.
  static func error(_ code: Int32, systemError: Int32, address: String?) -> SoundError {
    let place = address.map { " at \($0)" } ?? ""
    if systemError == EACCES || systemError == EPERM {
      return SoundError(
        .refused,
        "The PulseAudio server\(place) may not be opened by this user: run auralync as the user "
          + "it belongs to, or correct PULSE_SERVER.")
    }
    // libpulse keeps its codes in an anonymous enumeration.
    switch UInt32(bitPattern: code) {
    case UInt32(PA_ERR_ACCESS.rawValue), UInt32(PA_ERR_AUTHKEY.rawValue):
      return SoundError(
        .refused,
        "The PulseAudio server\(place) does not know this user: run auralync as the user it "
          + "belongs to, or give it that server's cookie (PULSE_COOKIE).")
    case UInt32(PA_ERR_CONNECTIONREFUSED.rawValue), UInt32(PA_ERR_INVALIDSERVER.rawValue):
      guard let address, unsafe getenv("PULSE_SERVER") != nil else {
        return SoundError(.noServer, "No PulseAudio server is running.")
      }
      return SoundError(
        .noServer,
        "No PulseAudio server answers at \(address): start it, or correct PULSE_SERVER.")
    default:
      return SoundError(
        .failed, "The PulseAudio server\(place) cannot be used (\(text(code))): restart it.")
    }
  }

  /// libpulse's words for one of its errors.
  static func text(_ code: Int32) -> String { unsafe String(cString: pa_strerror(code)) }
}
