extension UnsafeMutablePointer where Pointee == Float {
  /// Copies sample by sample, in place of the standard library's function of this name: that one
  /// copies inside a library that thread sanitizer does not see into.
  @safe func update(from source: UnsafePointer<Float>, count: Int) {
    for index in 0..<count { unsafe self[index] = source[index] }
  }
}
