/// Mixes sound of one to eight channels down (or up) to stereo, and stereo to mono.
///
/// The channels come in the order of WAV files: left, right, centre, low frequencies, the backs,
/// the sides. Surround is mixed as ITU-R BS.775 says: centre and surrounds at -3 dB, low
/// frequencies left out. Then each side is divided by the sum of its coefficients, so that even
/// the same full-scale sound in all channels does not clip: original clients cut at full scale,
/// so they would hear it. 5.1 is quieter by 7.7 dB for that; a listener has volume to spare.
package struct ChannelMixer: Sendable {
  /// Channel counts that can be mixed.
  package static let channelCounts = 1...8

  private static let minus3dB: Float = 0.707_106_77

  /// Samples in a frame of the input.
  package let channels: Int
  private let left: [Float]
  private let right: [Float]

  /// A mixer for frames of `channels` samples, 1 to 8.
  package init(channels: Int) {
    precondition(Self.channelCounts.contains(channels), "a frame has 1 to 8 samples")
    self.channels = channels
    let coefficients = Self.coefficients(channels: channels)
    left = Self.normalised(coefficients.left)
    right = Self.normalised(coefficients.right)
  }

  /// What each channel gives to each side.
  private static func coefficients(channels: Int) -> (left: [Float], right: [Float]) {
    let c = minus3dB
    switch channels {
    case 1: return ([1], [1])
    case 2: return ([1, 0], [0, 1])
    case 3: return ([1, 0, c], [0, 1, c])  // left, right, centre
    case 4: return ([1, 0, c, 0], [0, 1, 0, c])  // left, right, backs
    case 5: return ([1, 0, c, c, 0], [0, 1, c, 0, c])  // left, right, centre, backs
    case 6: return ([1, 0, c, 0, c, 0], [0, 1, c, 0, 0, c])  // 5.1
    case 7: return ([1, 0, c, 0, c * c, c, 0], [0, 1, c, 0, c * c, 0, c])  // 6.1, one back
    default: return ([1, 0, c, 0, c, 0, c, 0], [0, 1, c, 0, 0, c, 0, c])  // 7.1
    }
  }

  private static func normalised(_ coefficients: [Float]) -> [Float] {
    let sum = coefficients.reduce(0, +)
    return coefficients.map { $0 / sum }
  }

  /// Mixes to stereo.
  ///
  /// - Parameters:
  ///   - input: interleaved whole frames of `channels` samples.
  ///   - output: as many frames of left and right are appended.
  package func mixToStereo(_ input: Span<Float>, appendingTo output: inout [Float]) {
    precondition(input.count % channels == 0, "only whole frames can be mixed")
    for frame in 0..<input.count / channels {
      var sumLeft: Float = 0
      var sumRight: Float = 0
      for channel in 0..<channels {
        let sample = input[frame * channels + channel]
        sumLeft += sample * left[channel]
        sumRight += sample * right[channel]
      }
      output.append(sumLeft)
      output.append(sumRight)
    }
  }

  /// Mixes stereo to mono: half of left and right, which cannot clip.
  ///
  /// - Parameters:
  ///   - input: interleaved stereo.
  ///   - output: one sample a frame is appended.
  package static func mixToMono(_ input: Span<Float>, appendingTo output: inout [Float]) {
    precondition(input.count % 2 == 0, "only whole frames can be mixed")
    for frame in 0..<input.count / 2 {
      output.append((input[2 * frame] + input[2 * frame + 1]) / 2)
    }
  }
}
