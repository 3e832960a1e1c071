import AuraStream
import Testing

struct SpliceFaderTests {
  @Test func aJoinDoesNotClick() {
    var fader = SpliceFader()
    var before = [Float](repeating: 0.9, count: 512)
    var span = before.mutableSpan
    fader.apply(to: &span)
    fader.splice()
    var after = [Float](repeating: -0.9, count: 512)
    var other = after.mutableSpan
    fader.apply(to: &other)
    let left =
      stride(from: 0, to: 512, by: 2).map { before[$0] }
      + stride(from: 0, to: 512, by: 2).map { after[$0] }
    let steps = zip(left, left.dropFirst()).map { abs($1 - $0) }
    #expect(steps.max() ?? 2 < 0.025)
    #expect(after[511] == -0.9)
  }

  @Test func withoutAJoinNothingIsTouched() {
    var fader = SpliceFader()
    var samples: [Float] = (0..<200).map { Float($0) / 200 }
    let original = samples
    var span = samples.mutableSpan
    fader.apply(to: &span)
    #expect(samples == original)
  }

  @Test func aJoinMayStretchOverSmallBlocks() {
    var whole = SpliceFader()
    var pieces = SpliceFader()
    var last: [Float] = [0.5, -0.5]
    for fader in 0..<2 {
      var span = last.mutableSpan
      if fader == 0 { whole.apply(to: &span) } else { pieces.apply(to: &span) }
    }
    whole.splice()
    pieces.splice()
    var one = [Float](repeating: 0.25, count: 400)
    var many = one
    var span = one.mutableSpan
    whole.apply(to: &span)
    for start in stride(from: 0, to: 400, by: 50) {
      var all = many.mutableSpan
      pieces.apply(to: &all, frames: start / 2..<start / 2 + 25)
    }
    #expect(one == many)
  }
}
