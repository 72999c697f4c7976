@testable import APITokens
@testable import JobsAPI
@testable import JobsPage
import Testing
import Time

@Suite struct SessionKeyTests {
  private static let key = SessionKey(Array(repeating: 7, count: 32))
  private static let tokens = ["ffffffffffffffff", "0123456789abcdef"].compactMap { BearerToken($0) }
  private static let expiry = Timestamp(unixSeconds: 1_796_047_200)
  private static let before = expiry.advanced(byMilliseconds: -1)
  private static let start = Timestamp(milliseconds: 0)
  private static let value = key.value(for: tokens[1], until: expiry, nonce: nonce) ?? ""
  private static let nonce = [UInt8](repeating: 5, count: SessionKey.nonceLength)

  /// From Python, in base64url:
  /// hmac.new(b"\7" * 32, signed + sha256(b"0123456789abcdef").digest(), "sha256")
  private static let mac = "Rfl2QawE-60vdzHaZcd4n4QXfu-9myhzxg7_hy6VSn8"
  private static let signed = "rws1.1796047200.BQUFBQUFBQUFBQUFBQUFBQ"

  @Test func `a session opens until it expires`() {
    #expect(Self.key.session(of: Self.value, among: Self.tokens, at: Self.before)?.expiry == Self.expiry)
    #expect(Self.key.session(of: Self.value, among: Self.tokens, at: Self.start)?.expiry == Self.expiry)
    #expect(Self.key.session(of: Self.value, among: Self.tokens, at: Self.expiry) == nil)
  }

  /// Browsers keep the value over an update, so the form must not change unnoticed.
  @Test func `the form of version 1 stays`() {
    #expect(Self.value == "\(Self.signed).\(Self.mac)")
    #expect(Self.value.utf8.count <= SessionKey.maxBytes)
    #expect(Self.value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
  }

  @Test(arguments: [
    "", "rws1", "rws1.", "rws1..", "rws1...", signed, "\(signed).", ".\(mac)", mac,
    "rws2.1796047200.BQUFBQUFBQUFBQUFBQUFBQ.\(mac)", "RWS1.1796047200.BQUFBQUFBQUFBQUFBQUFBQ.\(mac)",
    "rws1.1796047201.BQUFBQUFBQUFBQUFBQUFBQ.\(mac)", "rws1.01796047200.BQUFBQUFBQUFBQUFBQUFBQ.\(mac)",
    "rws1.99999999999999999999.BQUFBQUFBQUFBQUFBQUFBQ.\(mac)", "rws1.-1.BQUFBQUFBQUFBQUFBQUFBQ.\(mac)",
    "rws1.1796047200.\(mac)", "rws1.1796047200..\(mac)", "\(signed).\(mac)=", "\(signed).\(mac)A",
    "\(signed).\(mac.dropLast())", "\(signed)..\(mac)", " \(signed).\(mac)", "\(signed).\(mac)\n",
    "\(signed).\(mac.lowercased())", "\(signed).\(String(repeating: "A", count: 43))", "\"\(signed).\(mac)\"",
    String(repeating: "9", count: 100_000), "rws1." + String(repeating: "9", count: 100_000),
  ])
  func `another text opens nothing`(_ text: String) {
    #expect(Self.key.session(of: text, among: Self.tokens, at: Self.start) == nil)
  }

  @Test func `a session with any other character opens nothing`() {
    let characters = Array(Self.value)
    for index in characters.indices {
      for other in "ABab01-_." where other != characters[index] {
        var changed = characters
        changed[index] = other
        #expect(Self.key.session(of: String(changed), among: Self.tokens, at: Self.start) == nil)
      }
    }
  }

  @Test func `a session ends with its token, and with the key`() {
    #expect(Self.key.session(of: Self.value, among: [Self.tokens[1]], at: Self.before)?.expiry == Self.expiry)
    #expect(Self.key.session(of: Self.value, among: [Self.tokens[0]], at: Self.before) == nil)
    #expect(Self.key.session(of: Self.value, among: [], at: Self.before) == nil)
    for other in [[UInt8](repeating: 8, count: 32), [UInt8](repeating: 7, count: 31), []] {
      #expect(SessionKey(other).session(of: Self.value, among: Self.tokens, at: Self.before) == nil)
    }
  }
}
