internal import AuraStream

// Small parsers of what people, browsers and servers write.

extension Target {
  /// Addresses and networks.
  static let addresses = Target(
    name: "addresses", executions: 40_000, longest: 64,
    run: { tryAddress(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      texts(
        "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "::", "1:2:3:4:5:6:7:8",
        "10.0.0.0/8", "fe80::/10", "[2001:db8::1]:5555", "host.local:5555")
    })

  /// Host and Origin fields.
  static let webOrigin = Target(
    name: "web-origin", executions: 40_000, longest: 320,
    run: { tryOrigin(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      texts("example.local:8080", "[::1]:80", "192.0.2.1", "https://Example.com", "http://[::1]:1")
    })

  /// What stands in an option or a setting.
  static let settings = Target(
    name: "settings", executions: 40_000, longest: 220,
    run: { trySettings(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      let fingerprint = CertificateFingerprint(
        hash: .sha256, bytes: [UInt8](repeating: 0xab, count: 32))
      return texts("s16le:44100:2", "f32le", fingerprint?.description ?? "")
    })

  /// The configuration file's keys, and other programs' JSON.
  static let configuration = Target(
    name: "configuration", executions: 40_000, longest: 400,
    run: { tryConfiguration(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      texts(
        "port = 6000\n[section.'a.b']\n\"k\\\"ey\" = \"\"\"x\ny\"\"\"\nlist = [1, # one\n2]\n",
        #"{"nftables": [{"rule": {"handle": 4, "expr": [null, true, -1.5e3, "a\u00e9\n"]}}]}"#)
    })

  /// The first message of the original protocol.
  static let announcement = Target(
    name: "announcement", executions: 30_000, longest: 300, run: tryAnnouncement,
    seeds: {
      texts(
        OriginalFormat(sampleRate: 48_000, channels: 2, chunkSize: 1024).announcement,
        // At the bounds and beyond.
        OriginalFormat(sampleRate: 384_000, channels: 8, chunkSize: 65_536).announcement,
        OriginalFormat(sampleRate: 384_000, channels: 8, chunkSize: 65_537).announcement,
        OriginalFormat(sampleRate: 7_999, channels: 1, chunkSize: 1).announcement,
        OriginalFormat(sampleRate: 8_000, channels: 9, chunkSize: 1).announcement,
        #"{"sample_rate": 1e300, "channels": -1, "chunk_size": 0.5}"#,
        OriginalFormat.fullAnnouncement)
    })
}

private func texts(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

private func tryAddress(_ text: String) {
  if let address = IPAddress(text) {
    check([4, 16].contains(address.bytes.count), "an address has 4 or 16 bytes")
    check(IPAddress(address.description) == address, "an address that is written can be read")
    check(
      !address.isIPv4 || address.description == text, "IPv4 has one way to be written: \(text)")
    let endpoint = Endpoint(address, port: 1)
    check(endpoint.addressBytes == address.unmapped.bytes, "an endpoint keeps its address")
  }
  if let network = IPNetwork(text) {
    check(network.contains(network.address), "a network contains its first address")
    check(IPNetwork(network.description) == network, "a network that is written can be read")
  }
  if let server = try? ServerAddress(text, defaultPort: 5555) {
    check((1...65_535).contains(server.port), "a port can be connected to")
    check(!server.host.isEmpty, "a server has a name")
  }
}

private func tryOrigin(_ text: String) {
  if let authority = WebAuthority(text) {
    check((0...65_535).contains(authority.port ?? 0), "a port has 16 bits")
    if case .name(let name) = authority.host {
      check(
        name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") },
        "a name is plain ASCII")
      check(name == name.lowercased(), "names are compared in lower case")
    }
    let origin = WebOrigin("http://" + text)
    check(origin?.isSame(as: authority) == true, "a page is of its own origin")
  }
  if let origin = WebOrigin(text) {
    check((0...65_535).contains(origin.port), "a port has 16 bits")
  }
}

private func trySettings(_ text: String) {
  if let format = PCMFormat(text) {
    check(PCMFormat(format.description) == format, "a format that is written can be read")
    check((2...32).contains(format.bytesPerFrame), "a frame has a sensible length")
  }
  if let fingerprint = CertificateFingerprint(text) {
    check(
      CertificateFingerprint(fingerprint.description) == fingerprint,
      "a fingerprint that is written can be read")
  }
}

private func tryConfiguration(_ text: String) {
  let lines = text.utf8.count { $0 == UInt8(ascii: "\n") } + 1
  var last = 1
  for key in TOMLKeyScanner.keys(of: text) {
    check((last...lines).contains(key.line), "a key stands on a line of the file, in order")
    last = key.line
  }
  _ = JSONValue(text)
}

private func tryAnnouncement(_ json: [UInt8]) {
  switch Announcement(json: json) {
  case .format(let format):
    check((1...65_536).contains(format.chunkSize), "a message is bounded")
    check((1...8).contains(format.channels), "a message is bounded")
    check((8_000...384_000).contains(format.sampleRate), "a rate is a sound's")
  case .refusal(let reason): check(reason.count <= 100, "a reason is short")
  case .absurd(let sentence): check((10...200).contains(sentence.count), "a sentence is one")
  }
}
