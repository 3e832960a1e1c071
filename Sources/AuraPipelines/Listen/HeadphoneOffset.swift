internal import AuraStream
internal import Synchronization

/// What a headphone adds to the delay that the sound system knows of: most wireless ones tell nothing.
/// Written by who knows the output, read by who plays.
package final class HeadphoneOffset: Sendable {
  private let nanoseconds: Atomic<Int64>

  /// - Parameter value: later than the sound system says; negative where it says too much.
  package init(_ value: Duration = .zero) { nanoseconds = Atomic(value.inNanoseconds) }

  package var value: Duration {
    get { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }
    set { nanoseconds.store(newValue.inNanoseconds, ordering: .relaxed) }
  }
}
