internal import CPNG

extension QRCode {
  /// As SVG, black on white with its quiet zone; a unit is a module.
  var svg: String {
    let edge = size + 2 * Self.quietZone
    var path = ""
    for row in 0..<size {
      var column = 0
      while column < size {
        let run = (column..<size).prefix { isDark(column: $0, row: row) }.count
        if run > 0 {
          path += "M\(column + Self.quietZone) \(row + Self.quietZone)h\(run)v1h-\(run)z"
        }
        column += max(1, run)
      }
    }
    return #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \#(edge) \#(edge)" "#
      + #"shape-rendering="crispEdges"><path fill="white" d="M0 0h\#(edge)v\#(edge)H0z"/>"#
      + #"<path d="\#(path)"/></svg>"#
  }

  /// As PNG, black on white with its quiet zone.
  ///
  /// - Parameter scale: the pixels of a module's edge.
  /// - Returns: nil when there is no memory for it.
  func png(scale: Int) -> [UInt8]? {
    let edge = (size + 2 * Self.quietZone) * scale
    var pixels = [UInt8](repeating: 0xFF, count: edge * edge)
    for row in 0..<edge {
      for column in 0..<edge
      where isDark(column: column / scale - Self.quietZone, row: row / scale - Self.quietZone) {
        pixels[row * edge + column] = 0
      }
    }
    var image = unsafe png_image()
    unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
    unsafe image.width = png_uint_32(edge)
    unsafe image.height = png_uint_32(edge)
    unsafe image.format = png_uint_32(PNG_FORMAT_GRAY)
    // Never longer than what it holds and some: one byte a pixel compresses.
    var bytes = [UInt8](repeating: 0, count: pixels.count + 4096)
    var count = png_alloc_size_t(bytes.count)
    guard unsafe png_image_write_to_memory(&image, &bytes, &count, 0, pixels, 0, nil) != 0 else {
      return nil
    }
    return Array(bytes.prefix(Int(count)))
  }
}
