// Listens to a broadcast for five seconds without any sound output, and says how loud it is:
//
//     swift run LevelExample http://192.0.2.2:8080

import AuraListener

guard CommandLine.arguments.count == 2 else { fatalError("usage: LevelExample URL") }
let listener = try BroadcastListener(CommandLine.arguments[1], to: .reader) { print($0) }

// Ten milliseconds of stereo at a time. A program with a sound card takes them in its callback.
var block = [Float](repeating: 0, count: 2 * 480)
let clock = ContinuousClock()
let start = clock.now
var next = start
while next < start + .seconds(5) {
  next += .milliseconds(10)
  try await clock.sleep(until: next)
  var samples = block.mutableSpan
  listener.read(into: &samples)
}
let statistics = listener.statistics
listener.leave()
print("level \(statistics.level) dB, delay \(statistics.delay.map { "\($0)" } ?? "not known")")
