/// The addresses that an outgoing request may connect to.
package struct AddressPolicy: Equatable, Sendable {
  private var allowsPublic: Bool
  private var uses: Set<SpecialUse>
  private var ranges: [AddressRange]

  package static let everyAddress = AddressPolicy(allowsPublic: true, uses: Set(SpecialUse.allCases))
  /// What an operator's own network has: this machine, private addresses, overlay networks.
  package static let privateAddresses = AddressPolicy(
    allowsPublic: false, uses: [.loopback, .privateUse, .shared])

  private init(allowsPublic: Bool, uses: Set<SpecialUse> = [], ranges: [AddressRange] = []) {
    self.allowsPublic = allowsPublic
    self.uses = uses
    self.ranges = ranges
  }

  /// Public addresses, and all of `ranges`.
  package static func publicAddresses(and ranges: [AddressRange] = []) -> AddressPolicy {
    AddressPolicy(allowsPublic: true, ranges: ranges)
  }

  /// The addresses of `ranges` alone.
  package static func only(_ ranges: [AddressRange]) -> AddressPolicy {
    AddressPolicy(allowsPublic: false, ranges: ranges)
  }

  /// The reason a request must not connect to `address`; nil if it may.
  ///
  /// A range also opens the IPv6 addresses that lead to its IPv4 addresses.
  package func refusal(of address: IPAddress) -> AddressRefusal? {
    let use = address.specialUse
    let isAllowed = use.map(uses.contains) ?? allowsPublic
    guard !isAllowed, !isListed(address), !(address.embedded.map { isListed($0.address) } ?? false) else {
      return nil
    }
    return AddressRefusal(address: address, use: use)
  }

  private func isListed(_ address: IPAddress) -> Bool {
    ranges.contains { $0.contains(address) }
  }
}

/// The refusal to connect to an address.
package struct AddressRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  package let address: IPAddress
  /// Nil for a public address.
  package let use: SpecialUse?

  package init(address: IPAddress, use: SpecialUse?) {
    self.address = address
    self.use = use
  }

  package var description: String {
    "\(address) is \(use?.rawValue ?? "a public address"), and must not be called"
  }
}
