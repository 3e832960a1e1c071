/// The sample messages of RFC 5769, whose attributes are padded with what the RFC padded them with.
enum STUNVectors {
  /// The password of sections 2.1 to 2.3.
  static let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)

  /// Section 2.1.
  static let request = hex(
    """
    0001 0058 2112a442 b7e7a701bc34d686fa87dfae
    8022 0010 5354554e207465737420636c69656e74
    0024 0004 6e0001ff
    8029 0008 932ff9b151263b36
    0006 0009 6576746a3a68367659 202020
    0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
    8028 0004 e57a3bcf
    """)

  /// Section 2.2.
  static let responseIPv4 = hex(
    """
    0101 003c 2112a442 b7e7a701bc34d686fa87dfae
    8022 000b 7465737420766563746f72 20
    0020 0008 0001a147e112a643
    0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
    8028 0004 c07d4c96
    """)

  /// Section 2.3.
  static let responseIPv6 = hex(
    """
    0101 0048 2112a442 b7e7a701bc34d686fa87dfae
    8022 000b 7465737420766563746f72 20
    0020 0014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
    0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41
    8028 0004 c8fb0b4c
    """)

  /// Section 2.4.
  static let longTermRequest = hex(
    """
    0001 0060 2112a442 78ad3433c6ad72c029da412e
    0006 0012 e3839ee38388e383aae38383e382afe382b9 0000
    0015 001c 662f2f3439396b39353464364f4c33346f4c394653547679363473 41
    0014 000b 6578616d706c652e6f7267 00
    0008 0014 f67024656dd64a3e02b8e0712e85c9a28ca89666
    """)

  /// MD5 of "マトリックス:example.org:TheMatrIX".
  static let longTermKey = hex("e8ca7ad59d5eb0518e312911d2dab2a9")

  /// The password that the checks below are proved with.
  static let livePassword = Array("ourpasswordourpassword".utf8)

  /// First checks as they came from players that had been given our answer: Chromium 156, Firefox ESR
  /// 153 and aiortc 1.16.
  static let live:
    [(player: String, username: String, priority: UInt32, nominates: Bool, bytes: [UInt8])] = [
      (
        "Chromium", "OURS:tvZg", 0x6e00_1eff, false,
        hex(
          """
          0001 004c 2112a442 52636c2f45483542785a622b
          0006 0009 4f5552533a74765a67 000000
          c057 0004 000003e7
          802a 0008 a2a0ef2d0fe48ff6
          0024 0004 6e001eff
          0008 0014 8e160aa02f8c977c4570f439f2c23cba6d003a18
          8028 0004 ed1d39b4
          """)
      ),
      (
        "Firefox", "OURS:630e1cec", 0x6e7e_00ff, true,
        hex(
          """
          0001 004c 2112a442 0b98a9e2e915c679a8a26167
          0006 000d 4f5552533a3633306531636563 000000
          0025 0000
          0024 0004 6e7e00ff
          802a 0008 bffdb0a9008ecf73
          0008 0014 d32aba03a2d182e6c216c081dc3bb417d4ab24ec
          8028 0004 b0b9a5d4
          """)
      ),
      (
        "aiortc", "OURS:JQxS", 0x6eff_ffff, false,
        hex(
          """
          0001 0044 2112a442 7af2515fe4d18ae0474a6692
          0006 0009 4f5552533a4a517853 000000
          0024 0004 6effffff
          802a 0008 8436e4745c8ec5d4
          0008 0014 e78302b2ae749c4874619faee78a8640c99184ae
          8028 0004 7f9b1880
          """)
      ),
    ]
}
