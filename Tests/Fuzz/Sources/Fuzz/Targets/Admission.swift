internal import AuraStream

extension Target {
  /// Who may join, and the bucket behind it.
  static let admission = Target(
    name: "admission", executions: 20_000, longest: 500, run: tryAdmission,
    seeds: {
      [
        [3, 0, 1, 0, 1, 1, 2, 0, 9, 5, 1], [0, 3, 200, 3, 200, 7, 0, 50, 3, 9],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 1, 0],
      ]
    })
}

/// The first byte is the most listeners. Instructions: 0 to 2 wish to join, 3 tries again and
/// again, 4 succeed, 5 give up, 6 leave, 7 let time pass.
private func tryAdmission(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let most = Int(program.byte())
  var now = HostTime(nanoseconds: 0)
  var admission = Admission(mostListeners: most, now: now)
  var joining: [String] = []
  var listeners = 0
  var admitted = 0
  while !program.isAtEnd {
    switch program.byte() & 7 {
    case 0...2:
      let source = "\(program.byte() & 7)"
      switch admission.admit(source, now: now) {
      case .admitted:
        joining.append(source)
        admitted += 1
      case .full:
        check(most > 0 && listeners + joining.count >= most, "nobody is refused too early")
      case .busy(let seconds): check((1...5).contains(seconds), "another try is worth it soon")
      }
    case 3:
      for _ in 0..<Int(program.byte()) where admission.admit("x", now: now) == .admitted {
        admission.giveUp("x")
        admitted += 1
      }
    case 4:
      guard let source = joining.popLast() else { break }
      admission.finish(source)
      listeners += 1
    case 5:
      guard let source = joining.popLast() else { break }
      admission.giveUp(source)
    case 6:
      guard listeners > 0 else { break }
      admission.leave()
      listeners -= 1
    default: now = now + .milliseconds(Int64(program.uint16()))
    }
    check(admission.unfinishedCount == joining.count, "unfinished joins are counted")
    check(admission.listenerCount == listeners, "listeners are counted")
    check(most == 0 || listeners + joining.count <= most, "never more than the host wants")
    check(joining.count <= Admission.mostUnfinished, "unfinished joins are bounded")
    for source in 0..<8 {
      check(
        joining.count { $0 == "\(source)" } <= Admission.mostUnfinishedOfOne,
        "one source's unfinished joins are bounded")
    }
    check(
      Double(admitted) <= 1 + Admission.burst + Admission.rate * now.nanoseconds.seconds,
      "the rate of joins is bounded")
  }
}

extension Int64 {
  /// Nanoseconds in seconds.
  fileprivate var seconds: Double { Double(self) / 1e9 }
}
