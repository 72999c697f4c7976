/// The client of a proxied request, from `X-Forwarded-For` or `Forwarded` (RFC 7239).
///
/// Every proxy appends the address of its peer, so the list is reliable from its right end, as far as its
/// writers are trusted. The walk starts at the connection's peer, goes left over trusted addresses, and ends
/// at the first untrusted one: the client. Everything left of that came from the client, and is ignored.
package struct ForwardedFor: Equatable, Sendable {
  /// How the client was determined.
  package enum Basis: Hashable, Sendable, CaseIterable {
    /// No forwarded address: the peer is the client.
    case direct
    /// The peer is not trusted: it is the client, and its header is ignored.
    case ignored
    /// The first untrusted address, or the leftmost one if all are trusted.
    case named
    /// An entry is malformed, hides its address, or exceeds a limit.
    ///
    /// The client is the last address before it, which is a trusted proxy's.
    case interrupted
    /// `X-Forwarded-For` and `Forwarded` name different clients. The client is the peer, a trusted proxy.
    case disagreement
  }

  package let client: PeerAddress
  package let basis: Basis

  /// The maximum number of entries; the rest is ignored.
  ///
  /// A request passes fewer proxies.
  package static let maxEntries = 32
  /// The maximum bytes of each header, over all its lines; the rest is ignored.
  package static let maxBytes = 4096

  /// - Parameters:
  ///   - peer: the connection's peer, or the client that a PROXY header named.
  ///   - forwardedFor: the values of `X-Forwarded-For`, one per line, in order.
  ///   - forwarded: the values of `Forwarded`, likewise.
  ///
  /// A proxy that writes one header may pass on the other as the client sent it, and which one it writes is
  /// unknown here. So neither has precedence. If both are present, they count as far as they name the same
  /// client, and not at all otherwise.
  package init(
    peer: PeerAddress, forwardedFor: [String], forwarded: [String], trusting proxies: TrustedProxies
  ) {
    guard !forwardedFor.isEmpty || !forwarded.isEmpty else {
      self.init(client: peer, basis: .direct)
      return
    }
    guard proxies.contains(peer) else {
      self.init(client: peer, basis: .ignored)
      return
    }
    guard !forwarded.isEmpty else {
      self = Self.walk(forwardedFor, of: .list, from: peer, trusting: proxies)
      return
    }
    self = Self.walk(forwarded, of: .elements, from: peer, trusting: proxies)
    guard !forwardedFor.isEmpty else { return }
    let other = Self.walk(forwardedFor, of: .list, from: peer, trusting: proxies)
    guard other.client == client else {
      self.init(client: peer, basis: .disagreement)
      return
    }
    if other.basis == .interrupted { self = other }
  }

  private init(client: PeerAddress, basis: Basis) {
    self.client = client
    self.basis = basis
  }

  private static func walk(
    _ lines: [String], of syntax: ForwardedSyntax, from peer: PeerAddress, trusting proxies: TrustedProxies
  ) -> ForwardedFor {
    var client = peer
    var entries = 0
    var bytesLeft = maxBytes
    for line in lines.reversed() {
      let bytes = Array(line.utf8.suffix(bytesLeft))
      // If the line was cut, its left end is not the start of an entry.
      let isCut = bytes.count < line.utf8.count
      bytesLeft -= bytes.count
      // Counts down to -1, one before the start of the line.
      var end = bytes.count
      while end >= 0 {
        let entry = syntax.lastEntry(of: bytes.span.extracting(first: end))
        guard entries < maxEntries, !(isCut && entry.lowerBound == 0),
          let address = syntax.address(in: bytes.span.extracting(entry))
        else { return ForwardedFor(client: client, basis: .interrupted) }
        client = .ip(address)
        guard proxies.contains(address) else { return ForwardedFor(client: client, basis: .named) }
        entries += 1
        end = entry.lowerBound - 1
      }
    }
    return ForwardedFor(client: client, basis: .named)
  }
}
