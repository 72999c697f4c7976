/// Loopback hosts, which are never reached through a proxy.
enum Loopback {
  /// Whether the host of `url` is a loopback address or `localhost`.
  static func isHost(ofURL url: String) -> Bool {
    guard let name = ParsedURL(url)?.host else { return false }
    // RFC 6761 section 6.3: names below localhost are loopback names too.
    return ["localhost", "localhost.", "[::1]"].contains(name) || name.hasSuffix(".localhost")
      || name.hasPrefix("[::ffff:127.") || isIPv4(name)
  }

  /// Whether `name` is an address of 127.0.0.0/8.
  ///
  /// A name that only starts like one is not.
  private static func isIPv4(_ name: String) -> Bool {
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
  }
}
