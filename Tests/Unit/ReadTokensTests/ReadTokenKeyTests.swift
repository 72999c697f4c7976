import Testing
import Time

@testable import ReadTokens

@Suite struct ReadTokenKeyTests {
  private static let key = ReadTokenKey(Array(repeating: 7, count: 32))
  private static let expiry = Timestamp(unixSeconds: 1_796_047_200)
  private static let before = expiry.advanced(byMilliseconds: -1)
  private static let token = key.token(for: "lamp-1", until: expiry) ?? ""

  @Test func `a token opens its job until it expires`() {
    #expect(Self.key.expiry(of: Self.token, for: "lamp-1", at: Self.before) == Self.expiry)
    #expect(Self.key.expiry(of: Self.token, for: "lamp-1", at: Timestamp(milliseconds: 0)) == Self.expiry)
    #expect(Self.key.expiry(of: Self.token, for: "lamp-1", at: Self.expiry) == nil)
  }

  /// What was given out stays valid, so the form must not change unnoticed.
  @Test func `the form of version 1 stays`() {
    #expect(Self.token == "rwj1_1796047200_" + Self.mac)
    #expect(Self.token.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) })
    #expect(Self.key.hasForm(Self.token) && !Self.key.hasForm("r8_0123456789") && !Self.key.hasForm(""))
  }

  /// From Python: hmac.new(b"\7" * 32, b"rwj1_1796047200:lamp-1", "sha256"), in base64url.
  private static let mac = "pVO2La314s_DU3Cl9fjUXrECcOz6JkRMIn0pLFVCX9k"

  @Test(arguments: [
    "", "rwj1_", "rwj1__", "rwj1_1796047200", "rwj1_1796047200_", "1796047200_\(mac)",
    "rwj2_1796047200_\(mac)",
    "RWJ1_1796047200_\(mac)", "rwj1_1796047201_\(mac)", "rwj1_01796047200_\(mac)", "rwj1_+1796047200_\(mac)",
    "rwj1_-1_\(mac)", "rwj1_9999999999999_\(mac)", "rwj1_99999999999999999999_\(mac)", "rwj1_\(mac)",
    "rwj1_1796047200_\(mac)=", "rwj1_1796047200_\(mac)A", "rwj1_1796047200_\(mac.dropLast())",
    "rwj1_1796047200_\(mac.dropFirst())", " rwj1_1796047200_\(mac)", "rwj1_1796047200_\(mac)\n",
    "rwj1_1796047200_\(mac)\0", "rwj1_1796047200:lamp-1_\(mac)", "rwj1_1796047200_\(mac.lowercased())",
    "rwj1_1796047200_" + String(repeating: "A", count: 43),
    "rwj1_1796047200_" + String(repeating: "A", count: 100_000), String(repeating: "9", count: 100_000),
  ])
  func `another text opens nothing`(_ text: String) {
    #expect(Self.key.expiry(of: text, for: "lamp-1", at: Self.before) == nil)
  }

  /// Each character of the token matters, and the unused bits of the last one as well.
  @Test func `a token with any other character opens nothing`() {
    let characters = Array(Self.token)
    for index in characters.indices {
      for other in "ABab01-_" where other != characters[index] {
        var changed = characters
        changed[index] = other
        #expect(Self.key.expiry(of: String(changed), for: "lamp-1", at: Timestamp(milliseconds: 0)) == nil)
      }
    }
  }

  @Test(arguments: ["lamp-2", "lamp-", "lamp-11", "Lamp-1", "", "1796047200:lamp-1", "lamp-1 "])
  func `a token opens no other job`(_ job: String) {
    #expect(Self.key.expiry(of: Self.token, for: job, at: Self.before) == nil)
  }

  @Test func `a token of another key opens nothing`() {
    for other in [[UInt8](repeating: 8, count: 32), [UInt8](repeating: 7, count: 31), []] {
      #expect(ReadTokenKey(other).expiry(of: Self.token, for: "lamp-1", at: Self.before) == nil)
    }
  }
}
