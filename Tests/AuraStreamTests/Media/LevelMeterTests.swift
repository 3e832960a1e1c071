import AuraStream
import Testing

struct LevelMeterTests {
  @Test(arguments: [(1.0, 0.0), (0.5, -6.0206), (0.1, -20.0), (0.251189, -12.0), (0.001, -60.0)])
  func showsThePeakInDecibels(amplitude: Double, decibels: Double) {
    var meter = LevelMeter()
    let samples: [Float] = [0, Float(-amplitude), 0, 0]
    meter.measure(samples.span, duration: .milliseconds(10))
    #expect(abs(meter.decibels - decibels) < 0.01)
  }

  @Test func fallsByTwentyDecibelsASecond() {
    var meter = LevelMeter()
    meter.measure([Float](repeating: 1, count: 2).span, duration: .milliseconds(10))
    meter.measure([Float](repeating: 0, count: 2).span, duration: .seconds(1))
    #expect(abs(meter.decibels + 20) < 0.01)
    meter.measure([Float](repeating: 0, count: 2).span, duration: .seconds(60))
    #expect(meter.decibels == LevelMeter.floor)
  }

  @Test func notANumberDoesNotStick() {
    var meter = LevelMeter()
    meter.measure([Float.nan, .infinity].span, duration: .milliseconds(10))
    meter.measure([Float(0.1), 0.1].span, duration: .seconds(10))
    #expect(abs(meter.decibels + 20) < 0.01)
  }
}
