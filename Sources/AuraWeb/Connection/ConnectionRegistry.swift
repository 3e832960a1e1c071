internal import AuraStream
internal import NIOCore
internal import Synchronization

/// The connections there are: how many may come, and all of them when it ends.
final class ConnectionRegistry: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var countByAddress: [IPAddress: Int] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())
  private let most: Int
  private let mostPerAddress: Int

  init(most: Int, mostPerAddress: Int) {
    self.most = most
    self.mostPerAddress = mostPerAddress
  }

  var count: Int { state.withLock { $0.channels.count } }

  /// Lets a connection in, if there is room.
  ///
  /// - Returns: whether it is in; then `leave` follows when it is over.
  func enter(_ channel: any Channel, from address: IPAddress) -> Bool {
    state.withLock { state in
      let ofAddress = state.countByAddress[address, default: 0]
      guard !state.isClosed, state.channels.count < most, ofAddress < mostPerAddress else {
        return false
      }
      state.channels[ObjectIdentifier(channel)] = channel
      state.countByAddress[address] = ofAddress + 1
      return true
    }
  }

  func leave(_ channel: any Channel, from address: IPAddress) {
    state.withLock { state in
      guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
      let left = state.countByAddress[address, default: 1] - 1
      state.countByAddress[address] = left > 0 ? left : nil
    }
  }

  /// Lets nobody in any more.
  ///
  /// - Returns: who is in.
  func close() -> [any Channel] {
    state.withLock { state in
      state.isClosed = true
      return Array(state.channels.values)
    }
  }
}
