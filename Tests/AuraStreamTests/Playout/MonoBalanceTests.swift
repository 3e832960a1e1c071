import AuraStream
import Testing

struct MonoBalanceTests {
  private func run(_ balance: MonoBalance) -> [Float] {
    var samples: [Float] = [0.5, -0.25, 1, 0]
    var span = samples.mutableSpan
    balance.apply(to: &span)
    return samples
  }

  @Test func inTheMiddleNothingChanges() {
    #expect(MonoBalance().isNeutral)
    #expect(run(MonoBalance()) == [0.5, -0.25, 1, 0])
  }

  @Test func oneSideGetsQuieterAndNoneLouder() {
    #expect(run(MonoBalance(balance: -100)) == [0.5, 0, 1, 0])
    #expect(run(MonoBalance(balance: 100)) == [0, -0.25, 0, 0])
    #expect(run(MonoBalance(balance: 50)) == [0.25, -0.25, 0.5, 0])
  }

  @Test func monoIsTheMeanOnBothSides() {
    #expect(run(MonoBalance(isMono: true)) == [0.125, 0.125, 0.5, 0.5])
    #expect(run(MonoBalance(balance: -100, isMono: true)) == [0.125, 0, 0.5, 0])
  }
}
