import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// Signing in with one of `API_TOKENS`, and what ends a session.
  @Suite struct SessionTests {
    private static let token = "0123456789abcdef-page"
    private static let settings = ["API_TOKENS": token]

    /// A daemon with tokens and one job, and the page that requires one.
    private static func run(_ body: (Visit) throws -> Void) throws {
      try Visit.run(settings) { visit in
        visit.rules.expectedErrors = ["401"]
        try visit.submit("lamp-1", token: token)
        try visit.open()
        try awaitForm(visit)
        try body(visit)
      }
    }

    private static func awaitForm(_ visit: Visit) throws {
      _ = try visit.browser.element(.role("heading", "Sign in"))
      #expect(try !visit.browser.text.contains("lamp-1"))
      #expect(try visit.browser.title.hasPrefix("Sign in"))
    }

    private static func signIn(_ visit: Visit, with token: String) throws {
      let field = try visit.browser.element(.css("input#token"))
      #expect(try field.attribute("type") == "password" && field.name == "API token")
      try field.clear()
      try field.type(token)
      try visit.browser.press(.enter)
    }

    @Test func `a wrong token is refused, and the right one opens the page`() throws {
      try Self.run { visit in
        try Self.signIn(visit, with: "0123456789abcdef-none")
        try visit.awaitText("not one of API_TOKENS")
        #expect(try visit.browser.cookies.isEmpty)
        #expect(try visit.browser.focused.attribute("id") == "token")
        try Self.signIn(visit, with: Self.token)
        try visit.awaitText("lamp-1")
        try visit.browser.reload()
        try visit.awaitText("lamp-1")
      }
    }

    @Test func `the cookie is a session that scripts and other sites do not get`() throws {
      try Self.run { visit in
        try Self.signIn(visit, with: Self.token)
        try visit.awaitText("lamp-1")
        let cookie = try #require(try visit.browser.cookies.first)
        #expect(cookie.name == "rw_session" && !cookie.value.contains(Self.token))
        #expect(cookie.isHTTPOnly && cookie.sameSite == "Strict" && cookie.path == "/")
        let lifetime = Double(try #require(cookie.expiry)) - Date().timeIntervalSince1970
        #expect((11.9 * 3600...12.1 * 3600).contains(lifetime))
        #expect(try visit.browser.run("return document.cookie;") as? String == "")
        let storage = "return JSON.stringify([localStorage, sessionStorage, history.state]);"
        #expect(try (visit.browser.run(storage) as? String)?.contains(Self.token) == false)
      }
    }

    @Test func `signing out ends the session, also for a copy of its cookie`() throws {
      try Self.run { visit in
        try Self.signIn(visit, with: Self.token)
        try visit.awaitText("lamp-1")
        let cookie = try #require(try visit.browser.cookies.first)
        try visit.browser.click(.role("button", "Sign out"))
        try Self.awaitForm(visit)
        #expect(try visit.browser.cookies.isEmpty)
        try visit.browser.setCookie(cookie.name, to: cookie.value)
        try visit.browser.reload()
        try Self.awaitForm(visit)
      }
    }

    /// How a session ends without a sign-out.
    enum Ending: CaseIterable { case cookieExpires, cookieIsForged, tokenIsRemoved }

    @Test(arguments: Ending.allCases)
    func `a session that has ended leads to the form, and back to the view`(_ ending: Ending) throws {
      try Self.run { visit in
        try Self.signIn(visit, with: Self.token)
        try visit.awaitText("lamp-1")
        var token = Self.token
        switch ending {
        case .cookieExpires: try visit.browser.removeCookies()
        case .cookieIsForged:
          let cookie = try #require(try visit.browser.cookies.first)
          let last = cookie.value.last == "A" ? "B" : "A"
          try visit.browser.setCookie(cookie.name, to: cookie.value.dropLast() + last)
        case .tokenIsRemoved:
          visit.rules.expectedErrors += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
          token = "fedcba9876543210-page"
          visit.stopDaemon()
          try visit.startDaemon(["API_TOKENS": token])
        }
        try visit.openJob("lamp-1")
        _ = try visit.browser.element(.role("heading", "Sign in"))
        try Self.signIn(visit, with: token)
        try visit.awaitText("a desk lamp")
        #expect(try visit.browser.url.hasSuffix("?job=lamp-1"))
      }
    }

    @Test func `without tokens nothing needs signing in`() throws {
      try Visit.run { visit in
        try visit.submit("lamp-1")
        try visit.open()
        try visit.awaitText("lamp-1")
        #expect(try !visit.browser.has(.role("button", "Sign out")))
      }
    }
  }
}
