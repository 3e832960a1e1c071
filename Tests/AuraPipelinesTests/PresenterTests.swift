import AuraStream
import Synchronization
import Testing

@testable import AuraPipelines

struct PresenterTests {
  private static let step = Duration.milliseconds(50)

  @Test func inFilmModeTheDelayMovesWithinItsBounds() {
    let presenter = Presenter(mode: .film, choice: .said(.milliseconds(250))) { _ in }
    presenter.move(by: Self.step)
    #expect(presenter.state.delay == .milliseconds(300))
    presenter.move(by: .zero - Self.step)
    #expect(presenter.state.delay == .milliseconds(250))
    presenter.move(by: .seconds(3600))
    #expect(presenter.state.delay == PresentationPlan.delays.upperBound)
    presenter.move(by: .seconds(-3600))
    #expect(presenter.state.delay == PresentationPlan.delays.lowerBound)
  }

  @Test func aDelayThatMovesIsNoLongerAutomatic() {
    let presenter = Presenter(mode: .film, choice: .automatic(cap: .milliseconds(900))) { _ in }
    let wanted = presenter.wanted + Self.step
    presenter.move(by: Self.step)
    #expect(presenter.state.choice == .said(wanted))
    #expect(presenter.state.delay == wanted)
  }

  @Test func inLiveModeNothingMoves() {
    let told = Atomic(0)
    let presenter = Presenter(mode: .live, choice: .said(.milliseconds(250))) { _ in
      told.wrappingAdd(1, ordering: .relaxed)
    }
    presenter.move(by: Self.step)
    presenter.change(mode: .film, choice: nil)
    #expect(presenter.state.delay == .milliseconds(250))
    #expect(told.load(ordering: .relaxed) == 1)
  }

  /// Where players can be told multiples of 100 ms only, two presses of 50 ms are one of those.
  @Test func whatIsWantedMovesThoughPlayersCannotBeToldIt() {
    let presenter = Presenter(mode: .film, choice: .said(.milliseconds(200))) { _ in }
    presenter.snap(to: .milliseconds(200))
    presenter.move(by: Self.step)
    presenter.move(by: Self.step)
    #expect(presenter.wanted == .milliseconds(300))
    #expect(presenter.state.delay == .milliseconds(200))
  }
}
