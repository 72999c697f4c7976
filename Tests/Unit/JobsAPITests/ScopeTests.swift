@testable import APITokens
@testable import HTTPWire
@testable import JobsAPI
@testable import Routing
import Testing

/// What tokens of each scope open.
@Suite struct ScopeTests {
  private static let texts: [TokenScope: String] = [
    .metrics: "metrics-0123456789", .read: "reading-0123456789", .write: "writing-0123456789",
  ]

  private static func access() -> APIAccess {
    let tokens = texts.compactMap { scope, text in
      BearerToken(text, name: "\(scope)", scope: scope)
    }
    return APIAccess(tokens: TokenList(tokens))
  }

  @Test(arguments: [
    (TokenScope.metrics, true, false, false), (.read, true, true, false), (.write, true, true, true),
  ])
  func `a token opens what its scope contains`(
    _ scope: TokenScope, _ scrapes: Bool, _ reads: Bool, _ changes: Bool
  ) throws {
    var parser = RequestHeadParser(limits: MessageLimits())
    let text = Self.texts[scope] ?? ""
    let bytes = Array("POST /jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(text)\r\n\r\n".utf8)
    let head = try #require(try parser.parse(bytes.span))
    let access = Self.access()
    func isOpen(_ check: () throws(Problem) -> Void) -> Bool {
      do throws(Problem) {
        try check()
        return true
      } catch {
        #expect(error.status == .forbidden && error.code == .insufficientScope)
        #expect(error.fields.contains { $0.value.contains(#"error="insufficient_scope""#) })
        #expect(!error.detail.contains(text))
        return false
      }
    }
    #expect(isOpen { () throws(Problem) in _ = try access.authorize(head, for: .metrics) } == scrapes)
    #expect(isOpen { () throws(Problem) in _ = try access.authorize(head) } == reads)
    #expect(isOpen { () throws(Problem) in try access.authorizeChange(head) } == changes)
  }
}
