package import ClientAddress

/// The hosts that a URL of others may name: host names and address ranges.
///
/// A name opens only public addresses, wherever it leads. Others are opened by their range.
package struct AllowedHosts: Equatable, Sendable {
  package static let none = AllowedHosts()
  private static let maxEntries = 256

  private var names: Set<String> = []
  /// The parts behind the asterisk, with their dot: `*.example.com` is `.example.com`.
  private var suffixes: [String] = []
  private var ranges: [AddressRange] = []

  private init() {}

  package var isEmpty: Bool { names.isEmpty && suffixes.isEmpty && ranges.isEmpty }

  /// The reason a URL may not be called.
  package enum Refusal: Error, Equatable, Sendable, CustomStringConvertible {
    case notListed
    /// Without TLS, a job's document would cross the internet in plain text.
    case noTLS

    package var description: String {
      switch self {
      case .notListed: "its host is not among the allowed ones"
      case .noTLS: "write https://: without TLS, only addresses of the allowed ranges are called"
      }
    }
  }

  /// The addresses that a request to `url` may connect to.
  package func policy(for url: HTTPURL) throws(Refusal) -> AddressPolicy {
    guard isListed(url.host) else { throw .notListed }
    guard !url.isSecure else { return .publicAddresses(and: ranges) }
    guard !ranges.isEmpty else { throw .noTLS }
    return .only(ranges)
  }

  private func isListed(_ host: HTTPURL.Host) -> Bool {
    switch host {
    case .name(let name): names.contains(name) || suffixes.contains(where: name.hasSuffix)
    case .address(let address): AddressPolicy.only(ranges).refusal(of: address) == nil
    }
  }
}

extension AllowedHosts {
  /// The entry that is wrong, and why.
  package struct ParseError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Problem: Error, Equatable, Sendable {
      case range(AddressRange.ParseError)
      /// A range of all addresses, loopback and metadata included.
      case everyAddress
      case notAHost
      case tooMany
    }

    /// Counts from 1.
    package let position: Int
    package let problem: Problem

    package init(position: Int, problem: Problem) {
      self.position = position
      self.problem = problem
    }

    /// One sentence, with the fix.
    package var description: String {
      let place = "entry \(position): "
      switch problem {
      case .range(let error): return place + error.explanation
      case .everyAddress:
        return place + "this opens loopback and metadata addresses too; list your own ranges"
      case .notAHost:
        return place + "write a host name such as app.example.com, *.example.com for all names below one, "
          + "or an address range such as 10.0.0.0/8; no scheme, port or path"
      case .tooMany: return place + "there are more than \(AllowedHosts.maxEntries) entries"
      }
    }
  }

  /// Parses host names and address ranges, separated by commas or spaces.
  package init(parsing text: String) throws(ParseError) {
    self.init()
    let entries = text.split { $0 == "," || $0.isWhitespace }
    for (index, entry) in entries.enumerated() {
      do throws(ParseError.Problem) {
        guard index < Self.maxEntries else { throw .tooMany }
        try add(entry.lowercased())
      } catch {
        throw ParseError(position: index + 1, problem: error)
      }
    }
  }

  private mutating func add(_ entry: String) throws(ParseError.Problem) {
    if entry.hasPrefix("*.") {
      guard HTTPURL.isName(String(entry.dropFirst(2))) else { throw .notAHost }
      suffixes.append(String(entry.dropFirst()))
    } else if HTTPURL.isName(entry) {
      names.insert(entry)
    } else {
      let range: AddressRange
      do { range = try AddressRange(parsing: entry) } catch {
        throw error == .notAnAddress ? .notAHost : .range(error)
      }
      guard !range.isEverything else { throw .everyAddress }
      ranges.append(range)
    }
  }
}

extension AddressPolicy {
  /// The addresses that a URL of the operator may lead to: with TLS all, without it private ones.
  ///
  /// - Throws: a refusal of the address that the URL contains.
  package static func ofOperator(for url: HTTPURL) throws(AddressRefusal) -> AddressPolicy {
    let policy: AddressPolicy = url.isSecure ? .everyAddress : .privateAddresses
    if case .address(let address) = url.host, let refusal = policy.refusal(of: address) { throw refusal }
    return policy
  }
}
