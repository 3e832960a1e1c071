/// Appends room after room to an array, lets an engine fill each, and keeps what was filled.
///
/// - Parameters:
///   - first: input frames of the block; with `ratio` it gives the first room's frames, exactly
///     the block's share. The rooms that follow take what was held back before.
///   - ratio: output frames per input frame.
///   - channels: samples in a frame.
///   - output: grows by what was filled.
///   - fill: given a room and its frames, returns how many it filled and whether input is left.
///     It is called again while a room was filled to the end or input is left.
func appendRooms(
  first: Int, ratio: Double, channels: Int, to output: inout [Float],
  fill: (UnsafeMutablePointer<Float>, Int) -> (made: Int, hasMore: Bool)
) {
  var room = max(1, Int((Double(first) * ratio).rounded(.up)))
  var idleRooms = 0
  while idleRooms < 2 {
    let filled = unsafe output.appendFilling(room * channels) { base in
      let (made, hasMore) = unsafe fill(base, room)
      return (made * channels, (made, hasMore))
    }
    let (made, hasMore) = filled ?? (0, false)
    guard hasMore || made == room else { return }
    // Neither engine refuses input and gives nothing; if one did, this must still end.
    idleRooms = made == 0 ? idleRooms + 1 : 0
    room = 256
  }
}

extension [Float] {
  /// Appends what a C function writes, without filling the room first.
  ///
  /// - Parameters:
  ///   - room: how many samples may be written.
  ///   - fill: given the room, returns how many it wrote from its beginning, and anything else.
  /// - Returns: that anything else.
  mutating func appendFilling<T>(
    _ room: Int, _ fill: (UnsafeMutablePointer<Float>) -> (written: Int, T)
  ) -> T? {
    var result: T?
    append(addingCapacity: room) { span in
      unsafe span.withUnsafeMutableBufferPointer { buffer, count in
        guard let base = buffer.baseAddress else { return }
        let (written, other) = unsafe fill(base + count)
        count += written
        result = other
      }
    }
    return result
  }
}
