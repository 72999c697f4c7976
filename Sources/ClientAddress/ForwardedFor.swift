/// Who sent a request that came through proxies, by what they wrote into `X-Forwarded-For` or `Forwarded`
/// (RFC 7239).
///
/// Every proxy appends the address that it was called from, so the list is true from its right end, as far as
/// its writers are trusted. The walk starts at the connection's peer, goes left over trusted addresses, and
/// ends at the first that is not: that is the client. What stands left of it came from the client, and is
/// never looked at.
package struct ForwardedFor: Equatable, Sendable {
  /// How the client was found.
  package enum Basis: Hashable, Sendable, CaseIterable {
    /// There is no forwarded address: the peer is the client.
    case direct
    /// There are forwarded addresses, and the peer is not trusted, so they were not looked at: it is the
    /// client.
    case ignored
    /// The first address that is not trusted; or the left end of the list, where all are.
    case named
    /// An entry could not be read, hides its address, or lies beyond a limit. The client is the last address
    /// before it, which is a trusted proxy's.
    case interrupted
    /// `X-Forwarded-For` and `Forwarded` name two clients. The client is the peer, which is a trusted proxy.
    case disagreement
  }

  package let client: PeerAddress
  package let basis: Basis

  /// More entries than a request has proxies; what is left of them is ignored.
  package static let maxEntries = 32
  /// Of each of the two headers, counted over all its lines; what is left of them is ignored.
  package static let maxBytes = 4096

  /// - Parameters:
  ///   - peer: who is connected, or whom a PROXY header named.
  ///   - forwardedFor: the values of `X-Forwarded-For`, one for each line, in order.
  ///   - forwarded: the values of `Forwarded`, likewise.
  ///
  /// A proxy that writes one of the headers may pass on the other as the client sent it, and which one it
  /// writes cannot be seen here. So neither wins: where both are there, they count as far as they name the
  /// same client, and not at all otherwise.
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
      // The line's left end is not that of an entry if it was cut.
      let isCut = bytes.count < line.utf8.count
      bytesLeft -= bytes.count
      // Counts down to -1, which stands left of the line.
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
