internal import Glibc

/// Whether a text is an IPv4 or IPv6 address in numbers, the latter perhaps with `%INTERFACE`.
func isNumericAddress(_ text: String) -> Bool {
  var address = in6_addr()
  if unsafe inet_pton(AF_INET, text, &address) == 1 { return true }
  let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
  if parts.count == 2 && parts[1].isEmpty { return false }
  return unsafe inet_pton(AF_INET6, String(parts[0]), &address) == 1
}
