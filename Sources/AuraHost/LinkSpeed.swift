/// How fast a network is.
package enum LinkSpeed {
  /// An interface's speed in Mbit/s; nil where the system does not say, as for wireless ones.
  package static func megabits(of interface: String) -> Int? {
    guard !interface.contains("/"), interface != "..", interface != "." else { return nil }
    let text = HostFiles.text(of: "/sys/class/net/\(interface)/speed")
    return text.flatMap { Int($0.prefix { $0 != "\n" }) }.flatMap { $0 > 0 ? $0 : nil }
  }
}
