@testable import APITokens
import ClientAddress
@testable import HTTPServer
@testable import HTTPWire
@testable import JobsAPI
@testable import JobsPage
@testable import Routing
import Testing
import Time

/// What a session opens, to whom, and for how long.
@Suite struct SessionsTests {
  private static let token = "0123456789abcdef"
  private static let start = Timestamp(unixSeconds: 1_796_000_000)
  private let ended = EndedSessions()

  private func sessions(of tokens: [String] = [token, "ffffffffffffffff"], key: UInt8 = 7) -> Sessions {
    Sessions(
      key: SessionKey(Array(repeating: key, count: 32)),
      tokens: TokenList(tokens.compactMap { BearerToken($0) }),
      ended: ended)
  }

  private func value(_ nonce: UInt8 = 1) throws -> String {
    try #require(
      sessions().begin(with: Self.token, at: Self.start, nonce: Array(repeating: nonce, count: 16))
    ).value
  }

  private func head(_ method: String, _ fields: [String]) throws -> RequestHead {
    var parser = RequestHeadParser(limits: MessageLimits())
    let lines = ["\(method) /jobs HTTP/1.1", "Host: jobs.example.com"] + fields
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    let head = try parser.parse(bytes.span)
    return try #require(head)
  }

  /// The code of the refusal; nil where the request is admitted.
  private func refusal(
    _ method: String, _ fields: [String], at now: Timestamp = start, by sessions: Sessions? = nil
  ) throws -> ProblemCode? {
    let tokens = TokenList([Self.token, "ffffffffffffffff"].compactMap { BearerToken($0) })
    let access = APIAccess(tokens: tokens, sessions: sessions ?? self.sessions(), now: { now })
    let head = try head(method, fields)
    do throws(Problem) {
      if method == "GET" { try access.authorize(head) } else { try access.authorizeChange(head) }
      return nil
    } catch {
      return error.code
    }
  }

  @Test func `a session opens reads and changes for twelve hours`() throws {
    let cookie = "Cookie: rw_session=\(try value())"
    let own = "Sec-Fetch-Site: same-origin"
    let end = Self.start.advanced(byMilliseconds: 12 * 3_600_000)
    for now in [Self.start, end.advanced(byMilliseconds: -1)] {
      #expect(try refusal("GET", [cookie], at: now) == nil)
      #expect(try refusal("POST", [cookie, own], at: now) == nil)
    }
    #expect(try refusal("GET", [cookie], at: end) == .unauthorized)
    #expect(try refusal("POST", [cookie, own], at: end) == .unauthorized)
    #expect(try refusal("GET", []) == .unauthorized)
  }

  @Test(
    arguments: [
      (["Sec-Fetch-Site: same-origin"], true, true),
      (["Sec-Fetch-Site: same-origin", "Origin: https://jobs.example.com"], true, true),
      // A proxy has replaced Host.
      (["Sec-Fetch-Site: same-origin", "Origin: https://outside.example.com"], true, true),
      (["Sec-Fetch-Site: cross-site"], false, false), (["Sec-Fetch-Site: same-site"], false, false),
      (["Sec-Fetch-Site: cross-site", "Origin: https://jobs.example.com"], false, false),
      (["Sec-Fetch-Site: Same-Origin"], false, false), (["Sec-Fetch-Site:"], false, false),
      (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], false, false),
      // Typed, or from a bookmark.
      (["Sec-Fetch-Site: none"], true, false),
      (["Sec-Fetch-Site: none", "Origin: https://evil.example.com"], false, false),
      // Browsers send no Sec-Fetch-Site over plain HTTP.
      (["Origin: http://jobs.example.com"], true, true), (["Origin: https://jobs.example.com"], true, true),
      (["Origin: http://evil.example.com"], false, false), (["Origin: null"], false, false),
      (["Origin: http://jobs.example.com:81"], false, false), (["Origin:"], false, false),
      (["Origin: http://jobs.example.com.evil.example"], false, false),
      (["Origin: http://jobs.example.com", "Origin: http://evil.example.com"], false, false),
      ([], true, false), (["Referer: http://jobs.example.com/"], true, false),
    ])
  func `pages of other origins can use no session`(
    _ fields: [String], _ mayRead: Bool, _ mayChange: Bool
  ) throws {
    let cookie = "Cookie: rw_session=\(try value())"
    #expect(try refusal("GET", [cookie] + fields) == (mayRead ? nil : .originNotAllowed))
    for method in ["POST", "DELETE"] {
      #expect(try refusal(method, [cookie] + fields) == (mayChange ? nil : .originNotAllowed))
    }
    // A token proves its sender by itself.
    #expect(try refusal("POST", ["Authorization: Bearer \(Self.token)"] + fields) == nil)
  }

  @Test func `a request with Authorization is judged by that alone`() throws {
    let (cookie, own) = ("Cookie: rw_session=\(try value())", "Sec-Fetch-Site: same-origin")
    for authorization in ["Bearer wrong-0123456789", "Basic YTpi", "", "Bearer \(try value())"] {
      let fields = [cookie, own, "Authorization: \(authorization)"]
      #expect(try refusal("GET", fields) == .unauthorized, "\(authorization)")
      #expect(try refusal("POST", fields) == .unauthorized)
    }
    let twice = Array(repeating: "Authorization: Bearer \(Self.token)", count: 2)
    #expect(try refusal("GET", [cookie, own] + twice) == .unauthorized)
    let wrong = "Cookie: rw_session=wrong"
    #expect(try refusal("GET", [wrong, "Authorization: Bearer \(Self.token)"]) == nil)
  }

  @Test(
    arguments: [
      ("rw_session=VALUE", true), ("a=1; rw_session=VALUE; b=2", true), ("rw_session=VALUE;", true),
      ("a=1;rw_session=VALUE;b=2", true), (" rw_session=VALUE ", true),
      ("rw_session=x; rw_session=VALUE", true),
      ("rw_session=VALUE; rw_session=x", true), ("rw_session=; rw_session=VALUE", true),
      ("rw_session=a; rw_session=b; rw_session=c; rw_session=VALUE", true),
      ("rw_session=a; rw_session=b; rw_session=c; rw_session=d; rw_session=VALUE", false),
      ("rw_session=\(String(repeating: "x", count: 3000)); rw_session=VALUE", true),
      ("rw_session=VALUE\(String(repeating: "A", count: 3000))", false),
      ("rw_session", false), ("rw_session=", false), ("RW_SESSION=VALUE", false),
      ("rw_session =VALUE", false),
      ("xrw_session=VALUE", false), ("rw_session=\"VALUE\"", false), ("rw_session=VALUE=", false),
      ("session=VALUE", false), ("a=rw_session=VALUE", false), ("", false), (";;;", false), ("=VALUE", false),
    ])
  func `the cookie is found among others`(_ template: String, _ isOpen: Bool) throws {
    let cookie = "Cookie: " + template.replacing("VALUE", with: try value())
    #expect(try refusal("GET", [cookie]) == (isOpen ? nil : .unauthorized))
    // A proxy may divide them.
    #expect(try refusal("GET", ["Cookie: a=b", cookie]) == (isOpen ? nil : .unauthorized))
  }

  @Test func `a session that was signed out opens nothing, and others stay`() throws {
    let (first, second) = (try value(1), try value(2))
    #expect(first != second)
    sessions().end(of: try head("DELETE", ["Cookie: rw_session=\(first)"]), at: Self.start)
    #expect(try refusal("GET", ["Cookie: rw_session=\(first)"]) == .unauthorized)
    #expect(try refusal("GET", ["Cookie: rw_session=\(second)"]) == nil)
  }

  @Test func `only sessions that are open are remembered when they end`() throws {
    let forged = try value().dropLast() + "A"
    sessions().end(of: try head("DELETE", ["Cookie: rw_session=\(forged)"]), at: Self.start)
    #expect(!ended.contains(String(forged)))
  }

  @Test func `a session opens another process of the store, and ends with its token`() throws {
    let cookie = "Cookie: rw_session=\(try value())"
    let others = Sessions(
      key: SessionKey(Array(repeating: 7, count: 32)),
      tokens: TokenList([Self.token].compactMap { BearerToken($0) }),
      ended: EndedSessions())
    #expect(try refusal("GET", [cookie], by: others) == nil)
    #expect(try refusal("GET", [cookie], by: sessions(of: ["ffffffffffffffff"])) == .unauthorized)
    #expect(try refusal("GET", [cookie], by: sessions(of: [])) == .unauthorized)
    #expect(try refusal("GET", [cookie], by: sessions(key: 8)) == .unauthorized)
  }

  @Test(arguments: ["", "0123456789abcde", "0123456789abcdeF", " 0123456789abcdef", "ffffffffffffffff\n"])
  func `another token begins no session`(_ token: String) {
    #expect(sessions().begin(with: token, at: Self.start, nonce: []) == nil)
  }

  @Test func `the number of ended sessions is bounded`() {
    let ended = EndedSessions()
    for number in 0..<EndedSessions.maxCount + 10 {
      let expiry = Timestamp(milliseconds: 1000 + Int64(number))
      ended.insert("\(number)", until: expiry, at: Timestamp(milliseconds: 0))
    }
    // Those that expire first are dropped.
    #expect(!ended.contains("9") && ended.contains("10"))
    #expect(ended.contains("\(EndedSessions.maxCount + 9)"))
    let later = Timestamp(milliseconds: 1_000_000)
    ended.insert("new", until: later.advanced(byMilliseconds: 1), at: later)
    #expect(ended.contains("new") && !ended.contains("\(EndedSessions.maxCount + 9)"))
  }
}
