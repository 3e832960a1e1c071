import AuraCodec
import AuraStream
import Testing

@Suite struct OpusEncoderTests {
  @Test(arguments: opusProfiles)
  func stereoArrivesAlignedAndApart(profile: OpusProfile) throws {
    var encoder = try OpusEncoder(profile)
    var decoder = try OpusDecoder()
    let input = stereoTone(frames: 48_000)
    let packets = encoder.packets(of: input)
    #expect(packets.count == 48_000 / profile.frames)
    let output = decoder.sound(of: packets)
    #expect(output.count == input.count)
    let (left, right) = (
      channel(0, of: output, channels: 2), channel(1, of: output, channels: 2)
    )
    let middle = 12_000..<36_000
    for (sound, own, other) in [(left, 440.0, 660.0), (right, 660.0, 440.0)] {
      let fit = fitSine(sound[middle], hertz: own, rate: 48_000)
      #expect(abs(fit.amplitude - 0.5) < 0.01)
      #expect(fit.decibelsAboveRest > 30)
      #expect(fitSine(sound[middle], hertz: other, rate: 48_000).amplitude < 0.005)
    }
    // What is decoded lags by the look-ahead, exactly.
    var rest = 0.0
    for frame in middle {
      let before = frame - encoder.lookahead
      rest = max(rest, abs(Double(left[frame] - input[2 * before])))
    }
    #expect(rest < 0.05)
  }

  @Test func theLookaheadIsWhatTheProfilePromises() throws {
    #expect(try OpusEncoder(.smooth).lookahead == 312)  // 6.5 ms
    #expect(try OpusEncoder(.lowLatency).lookahead == 120)  // 2.5 ms
  }

  @Test(arguments: opusProfiles, [32_000, 128_000, 320_000, 510_000])
  func packetsKeepToTheirBitrateAndTheirRoom(profile: OpusProfile, bitrate: Int) throws {
    let profile = profile.withBitrate(bitrate)
    var encoder = try OpusEncoder(profile)
    let packets = encoder.packets(of: noise(frames: 4 * 48_000))
    #expect(packets.count == 4 * 48_000 / profile.frames)
    let longest = packets.map(\.count).max() ?? 0
    let mean = Double(packets.reduce(0) { $0 + $1.count }) / Double(packets.count)
    let asked = min(
      Double(bitrate * profile.frames) / Double(8 * MediaTime.rate), Double(OpusProfile.mostBytes))
    #expect(longest <= OpusProfile.mostBytes)
    #expect(Double(longest) <= 2 * asked + 2)
    // Noise at 32 kbit/s is coded partly by prediction, which keeps less closely to its share.
    let least = bitrate < 64_000 ? 0.7 : 0.95
    #expect(mean > least * asked && mean < 1.02 * asked + 1, "\(mean) for \(asked)")
  }

  @Test func theLowestBitrateIsStillStereo() throws {
    var encoder = try OpusEncoder(.lowLatency.withBitrate(32_000))
    for packet in encoder.packets(of: stereoTone(frames: 48_000)) {
      #expect(packet[0] & 4 == 4)  // the TOC's stereo bit, RFC 6716, 3.1
    }
  }

  @Test(arguments: opusProfiles)
  func silenceIsSent(profile: OpusProfile) throws {
    var encoder = try OpusEncoder(profile)
    var decoder = try OpusDecoder()
    let packets = encoder.packets(of: [Float](repeating: 0, count: 2 * 48_000 * 2))
    #expect(packets.count == 2 * 48_000 / profile.frames)
    // One or two bytes would be DTX to a receiver: "nothing from here on".
    #expect(packets.allSatisfy { $0.count > 2 })
    #expect(decoder.sound(of: packets).allSatisfy { abs($0) < 1e-4 })
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity, 1e30, .greatestFiniteMagnitude])
  func soundThatIsNoneHarmsNothing(sample: Float) throws {
    for profile in opusProfiles {
      var encoder = try OpusEncoder(profile)
      var decoder = try OpusDecoder()
      var input = stereoTone(frames: 48_000)
      for index in 24_000..<28_000 where index % 7 == 0 { input[index] = sample }
      let packets = encoder.packets(of: input)
      #expect(packets.count == 48_000 / profile.frames)
      let output = decoder.sound(of: packets)
      #expect(output.allSatisfy { $0.isFinite })
      let left = channel(0, of: output, channels: 2)
      let fit = fitSine(left[36_000..<48_000], hertz: 440, rate: 48_000)
      #expect(abs(fit.amplitude - 0.5) < 0.02)
    }
  }

  @Test func louderThanFullScaleIsNotCutOff() throws {
    var encoder = try OpusEncoder(.smooth)
    var decoder = try OpusDecoder()
    let output = decoder.sound(of: encoder.packets(of: stereoTone(frames: 48_000, amplitude: 1.5)))
    let left = channel(0, of: output, channels: 2)
    #expect(abs(fitSine(left[12_000..<36_000], hertz: 440, rate: 48_000).amplitude - 1.5) < 0.05)
  }
}
