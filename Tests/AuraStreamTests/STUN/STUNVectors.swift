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
}
