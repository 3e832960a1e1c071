internal import Glibc

/// What this computer calls itself, such as `studio` or `studio.example.org`; nil when it does not say.
package var hostName: String? {
  var buffer = [CChar](repeating: 0, count: 256)
  guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return nil }
  let name = String(
    decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return name.isEmpty ? nil : name
}
