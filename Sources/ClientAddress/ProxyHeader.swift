/// What a proxy says of a connection before the connection's own bytes: the PROXY protocol, version 1 or 2
/// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
///
/// Only for connections on which a trusted proxy must send one: whoever may write this header may claim any
/// address, and section 2 of the protocol forbids to guess whether it is there.
package struct ProxyHeader: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// The proxy speaks for itself, or does not know its client: the connection's own peer counts.
    case local
    case ip(IPAddress, port: UInt16)
    case unixSocket
  }

  package let source: Source
  /// How many bytes the header takes; the connection's own follow.
  package let byteCount: Int

  /// No header is longer. Section 2 fits both versions into the smallest segment that every host takes, 576 -
  /// 40 bytes; beyond it are tlvStart such as whole certificates, which nothing here reads.
  package static let maxBytes = 536

  init(source: Source, byteCount: Int) {
    self.source = source
    self.byteCount = byteCount
  }

  /// Reads the header that `bytes`, all that came on the connection, begin with; nil while it is not
  /// complete.
  ///
  /// What is decided of some bytes stays decided when more come, so it does not depend on how they are cut.
  /// The bytes are looked at again in every call; there are never more than ``maxBytes`` for which it
  /// returns nil.
  package static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    guard !bytes.isEmpty else { return nil }
    return bytes[0] == ProxyBlock.signature[0]
      ? try ProxyBlock.parse(bytes) : try ProxyLine.parse(bytes)
  }

  /// Fails at the first byte that differs. True where all of `signature` is there.
  static func matches(_ bytes: Span<UInt8>, _ signature: [UInt8]) throws(ProxyHeaderError) -> Bool {
    for index in 0..<min(bytes.count, signature.count) {
      guard bytes[index] == signature[index] else { throw .notAProxyHeader }
    }
    return bytes.count >= signature.count
  }

  /// Whose connection it is, where `peer` is who is connected.
  package func client(of peer: PeerAddress) -> PeerAddress {
    switch source {
    case .local: peer
    case .ip(let address, _): .ip(address)
    case .unixSocket: .unixSocket
    }
  }
}
