import AuraWeb
import Testing

@testable import AuraWeb

@Suite struct QRCodeTests {
  /// ISO/IEC 18004 §6.3.3: three corners have a dark ring around a light ring around a dark square.
  @Test func itHasItsThreeCorners() throws {
    let code = try #require(QRCode("http://192.0.2.2:8080/"))
    #expect(code.size == 25)
    for (left, top) in [(0, 0), (code.size - 7, 0), (0, code.size - 7)] {
      for row in 0..<7 {
        for column in 0..<7 {
          let ring = max(abs(column - 3), abs(row - 3))
          #expect(code.isDark(column: left + column, row: top + row) == (ring != 2))
        }
      }
    }
    #expect(!code.isDark(column: -1, row: 0) && !code.isDark(column: 0, row: code.size))
  }

  @Test func whatIsTooLongHasNone() {
    #expect(QRCode("") == nil)
    #expect(QRCode(String(repeating: "x", count: 3000)) == nil)
    #expect(QRCode(String(repeating: "x", count: 2000)) != nil)
  }

  /// Draws the SVG's rectangles again and compares.
  @Test func theSVGIsTheCode() throws {
    let code = try #require(QRCode("http://[2001:db8::1]:8080/"))
    var dark: Set<[Int]> = []
    for match in code.svg.matches(of: /M(\d+) (\d+)h(\d+)v1h-(\d+)z/) {
      let (x, y) = (try #require(Int(match.1)), try #require(Int(match.2)))
      #expect(match.3 == match.4)
      for column in x..<x + (try #require(Int(match.3))) { dark.insert([column - 4, y - 4]) }
    }
    for row in 0..<code.size {
      for column in 0..<code.size {
        #expect(dark.contains([column, row]) == code.isDark(column: column, row: row))
      }
    }
    #expect(code.svg.contains("viewBox=\"0 0 \(code.size + 8) \(code.size + 8)\""))
  }

  @Test func thePNGHasItsSize() throws {
    let code = try #require(QRCode("http://192.0.2.2/"))
    let png = try #require(code.png(scale: 3))
    let edge = UInt8(3 * (code.size + 8))
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    #expect(Array(png[16..<24]) == [0, 0, 0, edge, 0, 0, 0, edge])
  }
}
