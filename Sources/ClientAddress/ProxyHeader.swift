/// A PROXY protocol header, version 1 or 2.
///
/// See https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. It is read only on connections on which a
/// trusted proxy must send it. A peer that may send the header may claim any address, and section 2 of the
/// protocol forbids guessing whether it is present.
package struct ProxyHeader: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// The proxy's own connection, or an unknown client: use the connection's peer.
    case local
    case ip(IPAddress, port: UInt16)
    case unixSocket
  }

  package let source: Source
  /// The length of the header; the connection's own bytes follow.
  package let byteCount: Int

  /// The maximum length of a header.
  ///
  /// Section 2 fits both versions into the smallest segment that every host accepts, 576 - 40 bytes. Longer
  /// ones carry TLVs such as whole certificates, which are not used here.
  package static let maxBytes = 536

  init(source: Source, byteCount: Int) {
    self.source = source
    self.byteCount = byteCount
  }

  /// Parses the header at the start of `bytes`; nil while it is incomplete.
  ///
  /// `bytes` are all bytes received so far. A decision about some of them is final, so the result does not
  /// depend on how they are split. Every call examines them again; at most ``maxBytes`` of them are
  /// incomplete.
  package static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    guard !bytes.isEmpty else { return nil }
    return bytes[0] == ProxyBlock.signature[0]
      ? try ProxyBlock.parse(bytes) : try ProxyLine.parse(bytes)
  }

  /// Compares up to the first difference; true if all of `signature` is present.
  static func matches(_ bytes: Span<UInt8>, _ signature: [UInt8]) throws(ProxyHeaderError) -> Bool {
    for index in 0..<min(bytes.count, signature.count) {
      guard bytes[index] == signature[index] else { throw .notAProxyHeader }
    }
    return bytes.count >= signature.count
  }

  /// The client of the connection, given its peer.
  package func client(of peer: PeerAddress) -> PeerAddress {
    switch source {
    case .local: peer
    case .ip(let address, _): .ip(address)
    case .unixSocket: .unixSocket
    }
  }
}
