/// The proxies that are trusted to name their clients.
///
/// A trusted proxy can name any client. So list only proxies that the operator runs, and no address that
/// others can connect from.
package struct TrustedProxies: Equatable, Sendable {
  /// No proxy is trusted: every client is its connection's peer.
  package static let none = TrustedProxies(ranges: [], trustsUnixSockets: false)
  /// The maximum number of ranges; each address is compared with every range.
  package static let maxRanges = 512

  private var ranges: [AddressRange]
  private var trustsUnixSockets: Bool

  private init(ranges: [AddressRange], trustsUnixSockets: Bool) {
    self.ranges = ranges
    self.trustsUnixSockets = trustsUnixSockets
  }

  package func contains(_ address: IPAddress) -> Bool {
    ranges.contains { $0.contains(address) }
  }

  package func contains(_ peer: PeerAddress) -> Bool {
    switch peer {
    case .ip(let address): contains(address)
    case .unixSocket: trustsUnixSockets
    }
  }
}

extension TrustedProxies {
  /// The item of the setting that is wrong, and why.
  package struct ParseError: Error, Hashable, Sendable {
    package enum Problem: Error, Hashable, Sendable {
      case range(AddressRange.ParseError)
      /// A range of all addresses, which would let every client choose its own.
      case everyone
      /// More ranges than ``TrustedProxies/maxRanges``.
      case tooMany
    }

    /// Counts from 1.
    package let position: Int
    package let item: String
    package let problem: Problem

    /// One sentence, with the fix.
    package var explanation: String {
      let place = "item \(position): "
      switch problem {
      case .range(.notAnAddress):
        return place + AddressRange.ParseError.notAnAddress.explanation
          + ", and none of the words loopback, private and unix"
      case .range(let error): return place + error.explanation
      case .everyone:
        return place + "this trusts everyone, and then any client may claim any address; name your proxies"
      case .tooMany:
        return place + "there are more than \(TrustedProxies.maxRanges) ranges; join some into larger ones"
      }
    }
  }

  /// Parses addresses, ranges and keywords, separated by spaces or commas.
  ///
  /// An empty text trusts no proxy. `loopback` is this machine. `private` is RFC 1918, fc00::/7 (RFC 4193)
  /// and the link-local ranges (RFC 3927, RFC 4291). `unix` is any process that may connect to the unix
  /// socket.
  package init(parsing text: String) throws(ParseError) {
    self = .none
    let items = text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    for (index, item) in items.enumerated() {
      do { try add(item) } catch {
        throw ParseError(position: index + 1, item: item, problem: error)
      }
    }
  }

  private mutating func add(_ item: String) throws(ParseError.Problem) {
    switch item {
    case "loopback": ranges += Self.loopback
    case "private": ranges += Self.privateUse
    case "unix": trustsUnixSockets = true
    default:
      let range: AddressRange
      do { range = try AddressRange(parsing: item) } catch { throw .range(error) }
      guard !range.isEverything else { throw .everyone }
      ranges.append(range)
    }
    guard ranges.count <= Self.maxRanges else { throw .tooMany }
  }

  private static let loopback = [
    AddressRange(ipv4: 0x7F00_0000, prefixLength: 8),
    AddressRange(ipv6: 1, prefixLength: 128),
  ]

  private static let privateUse = [
    AddressRange(ipv4: 0x0A00_0000, prefixLength: 8),
    AddressRange(ipv4: 0xAC10_0000, prefixLength: 12),
    AddressRange(ipv4: 0xC0A8_0000, prefixLength: 16),
    AddressRange(ipv4: 0xA9FE_0000, prefixLength: 16),
    AddressRange(ipv6: 0xFC00 << 112, prefixLength: 7),
    AddressRange(ipv6: 0xFE80 << 112, prefixLength: 10),
  ]
}
