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
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: room * channels))
    let (made, hasMore) = unsafe output.withUnsafeMutableBufferPointer { samples in
      guard let base = samples.baseAddress else { return (made: 0, hasMore: false) }
      return unsafe fill(base + start, room)
    }
    output.removeLast((room - made) * channels)
    guard hasMore || made == room else { return }
    // Neither engine refuses input and gives nothing; if one did, this must still end.
    idleRooms = made == 0 ? idleRooms + 1 : 0
    room = 256
  }
}
