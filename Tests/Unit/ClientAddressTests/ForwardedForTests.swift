import ClientAddress
import Testing

/// A row of the tables below: a proxied request and its client.
struct ForwardedCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var peer = "10.0.0.1"
  var forwardedFor: [String] = []
  var forwarded: [String] = []
  var trusted = "private unix"
  var client: String
  var basis = ForwardedFor.Basis.named
}

@Suite struct ForwardedForTests {
  private static func peer(_ text: String) throws -> PeerAddress {
    text == "unix" ? .unixSocket : .ip(try #require(IPAddress(text)))
  }

  private static func resolve(_ row: ForwardedCase) throws -> ForwardedFor {
    ForwardedFor(
      peer: try peer(row.peer), forwardedFor: row.forwardedFor, forwarded: row.forwarded,
      trusting: try TrustedProxies(parsing: row.trusted))
  }

  private static func check(_ row: ForwardedCase) throws {
    let found = try resolve(row)
    #expect(found.client == (try peer(row.client)))
    #expect(found.basis == row.basis)
  }

  /// An attacker at 203.0.113.9 claims to be 6.6.6.6; 10.0.0.0/8 is trusted. Nothing may yield 6.6.6.6.
  static let spoofed: [ForwardedCase] = [
    ForwardedCase(
      testDescription: "an untrusted peer forwards nothing", peer: "203.0.113.9",
      forwardedFor: ["6.6.6.6"], forwarded: ["for=6.6.6.6"], client: "203.0.113.9", basis: .ignored),
    ForwardedCase(
      testDescription: "nobody is trusted", forwardedFor: ["6.6.6.6"], trusted: "", client: "10.0.0.1",
      basis: .ignored),
    ForwardedCase(
      testDescription: "a Unix socket that is not trusted", peer: "unix", forwardedFor: ["6.6.6.6"],
      trusted: "private", client: "unix", basis: .ignored),
    ForwardedCase(
      testDescription: "the proxy appended to the client's own list",
      forwardedFor: ["6.6.6.6, 203.0.113.9"], client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "the proxy appended a line", forwardedFor: ["6.6.6.6", "203.0.113.9"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "the claim is a trusted address",
      forwardedFor: ["6.6.6.6, 10.0.0.7, 203.0.113.9, 10.0.0.2"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "the claim is mapped into IPv6",
      forwardedFor: ["6.6.6.6, ::ffff:203.0.113.9, ::ffff:10.0.0.2"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "the second proxy did not know", forwardedFor: ["6.6.6.6, unknown, 10.0.0.2"],
      client: "10.0.0.2", basis: .interrupted),
    ForwardedCase(
      testDescription: "the proxy appended nothing", forwardedFor: ["6.6.6.6, "], client: "10.0.0.1",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "the proxy added an empty line", forwardedFor: ["6.6.6.6", ""], client: "10.0.0.1",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "an empty entry between", forwardedFor: ["6.6.6.6,, 10.0.0.2"], client: "10.0.0.2",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "a proxy that wrote octal", forwardedFor: ["6.6.6.6, 012.0.0.2"], client: "10.0.0.1",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "Forwarded, appended", forwarded: ["for=6.6.6.6, for=203.0.113.9"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "a quote that is never closed", forwarded: ["for=\"6.6.6.6, for=203.0.113.9"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "a quote that the proxy's would close",
      forwarded: ["for=6.6.6.6;x=\", for=\"[2001:db8::9]:80\""], client: "2001:db8::9"),
    ForwardedCase(
      testDescription: "a backslash that would escape the proxy's quote",
      forwarded: ["for=6.6.6.6;x=\"\\, for=\"[2001:db8::9]\""], client: "2001:db8::9"),
    ForwardedCase(
      testDescription: "a backslash that is escaped itself",
      forwarded: ["for=6.6.6.6, for=203.0.113.9;x=\"\\\\\""], client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "a list inside a quote", forwarded: ["for=\"6.6.6.6, for=6.6.6.6\", for=203.0.113.9"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "a quoted list is one entry, and no address", forwarded: ["for=\"6.6.6.6, 10.0.0.2\""],
      client: "10.0.0.1", basis: .interrupted),
    ForwardedCase(
      testDescription: "two for parameters", forwarded: ["for=6.6.6.6;for=203.0.113.9"], client: "10.0.0.1",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "a hidden hop", forwarded: ["for=6.6.6.6, for=_gateway, for=10.0.0.2"],
      client: "10.0.0.2",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "an element without for", forwarded: ["for=6.6.6.6, proto=https"], client: "10.0.0.1",
      basis: .interrupted),
    ForwardedCase(
      testDescription: "the proxy writes the one, the client the other", forwardedFor: ["203.0.113.9"],
      forwarded: ["for=6.6.6.6"], client: "10.0.0.1", basis: .disagreement),
    ForwardedCase(
      testDescription: "the proxy writes the other, the client the one", forwardedFor: ["6.6.6.6"],
      forwarded: ["for=203.0.113.9"], client: "10.0.0.1", basis: .disagreement),
    ForwardedCase(
      testDescription: "one header is spoilt", forwardedFor: ["203.0.113.9"], forwarded: ["garbage"],
      client: "10.0.0.1", basis: .disagreement),
  ]

  @Test(arguments: spoofed)
  func forgedEntriesNeverCount(_ row: ForwardedCase) throws {
    try Self.check(row)
  }

  static let honest: [ForwardedCase] = [
    ForwardedCase(testDescription: "no proxy", peer: "203.0.113.9", client: "203.0.113.9", basis: .direct),
    ForwardedCase(testDescription: "the proxy itself", client: "10.0.0.1", basis: .direct),
    ForwardedCase(testDescription: "one proxy", forwardedFor: ["203.0.113.9"], client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "a proxy on a Unix socket", peer: "unix", forwardedFor: ["203.0.113.9"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "three proxies on three lines",
      forwardedFor: ["203.0.113.9", "10.0.0.3,192.168.0.1", "10.0.0.2"],
      client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "a client of our own", forwardedFor: ["10.0.0.9, 10.0.0.2"], client: "10.0.0.9"),
    ForwardedCase(
      testDescription: "both headers name one client", forwardedFor: ["203.0.113.9:4711"],
      forwarded: ["for=203.0.113.9;proto=https"], client: "203.0.113.9"),
    ForwardedCase(
      testDescription: "both headers name one client and one hides the rest",
      forwardedFor: ["unknown, 10.0.0.2"],
      forwarded: ["for=10.0.0.2"], client: "10.0.0.2", basis: .interrupted),
    ForwardedCase(
      testDescription: "a trusted proxy with a public address", peer: "198.51.100.1",
      forwardedFor: ["2001:db8::9, 198.51.100.2"], trusted: "198.51.100.0/24", client: "2001:db8::9"),
    ForwardedCase(
      testDescription: "Forwarded on two lines",
      forwarded: ["For=\"[2001:db8::9]\";by=10.0.0.2", "for=10.0.0.2"],
      client: "2001:db8::9"),
  ]

  @Test(arguments: honest)
  func entriesOfTrustedProxiesCount(_ row: ForwardedCase) throws {
    try Self.check(row)
  }

  /// A single entry, and the client that it names.
  ///
  /// Nil if the proxy remains the client.
  @Test(
    arguments: [
      ("203.0.113.9", "203.0.113.9"), ("203.0.113.9:80", "203.0.113.9"), ("\t 203.0.113.9 ", "203.0.113.9"),
      ("203.0.113.9:65535", "203.0.113.9"), ("203.0.113.9:0", "203.0.113.9"), ("2001:db8::9", "2001:db8::9"),
      ("[2001:db8::9]", "2001:db8::9"), ("[2001:db8::9]:80", "2001:db8::9"),
      ("::ffff:203.0.113.9", "203.0.113.9"),
      ("[::ffff:203.0.113.9]:80", "203.0.113.9"), ("203.0.113.9:65536", nil), ("203.0.113.9:080", nil),
      ("203.0.113.9:", nil), ("203.0.113.9:80:80", nil), ("203.0.113.9:_p", nil), ("203.0.113.9 80", nil),
      ("[203.0.113.9]", nil), ("[2001:db8::9", nil), ("2001:db8::9]", nil), ("[2001:db8::9]80", nil),
      ("[2001:db8::9]:", nil), ("[]", nil), ("[", nil), ("fe80::9%eth0", nil), ("\"203.0.113.9\"", nil),
      ("unknown", nil), ("_hidden", nil), ("", nil), (" ", nil), ("client.example", nil),
      ("203.0.113.09", nil),
      ("for=203.0.113.9", nil),
    ] as [(String, String?)])
  func anEntryOfXForwardedForIsAnAddressWithAPort(_ entry: String, _ client: String?) throws {
    try Self.check(
      ForwardedCase(
        testDescription: entry, forwardedFor: [entry], client: client ?? "10.0.0.1",
        basis: client == nil ? .interrupted : .named))
  }

  @Test(
    arguments: [
      ("for=203.0.113.9", "203.0.113.9"), ("FOR=203.0.113.9", "203.0.113.9"),
      ("for=\"203.0.113.9\"", "203.0.113.9"),
      ("for=\"203.0.113.9:80\"", "203.0.113.9"), ("for=\"203.0.113.9:_port.1-a\"", "203.0.113.9"),
      ("for=\"[2001:db8::9]\"", "2001:db8::9"), ("for=\"[2001:db8::9]:80\"", "2001:db8::9"),
      ("for=\"\\203.0.113.9\"", "203.0.113.9"), ("proto=http;for=203.0.113.9;by=unknown", "203.0.113.9"),
      (";;for=203.0.113.9;", "203.0.113.9"), ("host=\"a,b;for=6.6.6.6\";for=203.0.113.9", "203.0.113.9"),
      ("host=\"\\\"for=6.6.6.6\\\"\";for=203.0.113.9", "203.0.113.9"),
      ("x=\"\\\\\";for=203.0.113.9", "203.0.113.9"),
      ("for=203.0.113.9:80", nil), ("for=[2001:db8::9]", nil), ("for=\"2001:db8::9\"", nil),
      ("for =203.0.113.9", nil),
      ("for= 203.0.113.9", nil), ("for=\" 203.0.113.9\"", nil), ("for=", nil), ("for", nil),
      ("for=\"\"", nil),
      ("for=\"203.0.113.9", nil), ("for=\"203.0.113.9\\\"", nil), ("for=203.0.113.9\"", nil),
      ("for=\"203.0.113.9\"x", nil), ("for=\"203.0.113.9\"by=x", nil), ("for=unknown", nil),
      ("for=\"_hidden\"", nil),
      ("for=\"203.0.113.9:_\"", nil),
      ("for=\"203.0.113.9:_a b\"", nil), ("for=203.0.113.9;by", nil), ("=203.0.113.9", nil),
      ("203.0.113.9", nil),
      ("for=203.0.113.9;FOR=203.0.113.9", nil), ("fo=203.0.113.9", nil), ("\"for\"=203.0.113.9", nil),
      (";", nil),
      ("for=203.0.113.9 proto=http", nil), ("for=\"\\", nil),
    ] as [(String, String?)])
  func anElementOfForwardedKeepsItsGrammar(_ element: String, _ client: String?) throws {
    try Self.check(
      ForwardedCase(
        testDescription: element, forwarded: [element], client: client ?? "10.0.0.1",
        basis: client == nil ? .interrupted : .named))
  }
}
