import Foundation

/// Interleaved sines, the same in all channels.
func tone(
  hertz: Double, rate: Int, frames: Int, channels: Int = 2, amplitude: Double = 0.5
) -> [Float] {
  var samples: [Float] = []
  samples.reserveCapacity(frames * channels)
  for frame in 0..<frames {
    let turns = (hertz / Double(rate) * Double(frame)).truncatingRemainder(dividingBy: 1)
    let sample = Float(amplitude * sin(2 * .pi * turns))
    for _ in 0..<channels { samples.append(sample) }
  }
  return samples
}

/// One channel of interleaved sound.
func channel(_ index: Int, of samples: [Float], channels: Int) -> [Float] {
  stride(from: index, to: samples.count, by: channels).map { samples[$0] }
}

/// The sine of `hertz` in a sound: its amplitude, and how far it stands above all the rest.
func fitSine(
  _ samples: ArraySlice<Float>, hertz: Double, rate: Int
) -> (amplitude: Double, decibelsAboveRest: Double) {
  var ss = 0.0
  var sc = 0.0
  var cc = 0.0
  var sx = 0.0
  var cx = 0.0
  var xx = 0.0
  for index in samples.indices {
    let turns = (hertz / Double(rate) * Double(index)).truncatingRemainder(dividingBy: 1)
    let s = sin(2 * .pi * turns)
    let c = cos(2 * .pi * turns)
    let x = Double(samples[index])
    ss += s * s
    sc += s * c
    cc += c * c
    sx += s * x
    cx += c * x
    xx += x * x
  }
  let determinant = ss * cc - sc * sc
  let a = (sx * cc - cx * sc) / determinant
  let b = (cx * ss - sx * sc) / determinant
  let rest = max(xx - a * sx - b * cx, 1e-30)
  return (hypot(a, b), 10 * log10(max(xx - rest, 1e-30) / rest))
}

/// Root mean square.
func level(_ samples: ArraySlice<Float>) -> Double {
  let sum = samples.reduce(0.0) { $0 + Double($1) * Double($1) }
  return (sum / Double(max(1, samples.count))).squareRoot()
}

/// The largest bend of a curve: |x[n-1] - 2 x[n] + x[n+1]|. A click bends far more than a tone.
func largestBend(_ samples: [Float]) -> Double {
  guard samples.count > 2 else { return 0 }
  var largest: Float = 0
  for index in 1..<samples.count - 1 {
    largest = max(largest, abs(samples[index - 1] - 2 * samples[index] + samples[index + 1]))
  }
  return Double(largest)
}
