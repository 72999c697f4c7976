import Browser
import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension PageTests {
  /// The rules that every visit checks, on pages that break them.
  @Suite struct BrowserChecksTests {
    /// Opens a document of a stub.
    private func open(_ html: String, policy: String? = nil) throws -> (Browser, StubAPI) {
      let stub = try StubAPI { request, _ in
        guard request.path.joined().isEmpty else { return Response(status: .notFound) }
        let fields = [("Content-Type", "text/html; charset=utf-8")]
        return Response(
          status: .ok, fields: fields + (policy.map { [("Content-Security-Policy", $0)] } ?? []),
          body: Array("<!doctype html><html lang=en><title>t</title><link rel=icon href=data:,>\(html)".utf8))
      }
      let browser = try Browser.shared()
      try browser.reset()
      try browser.open(stub.url)
      return (browser, stub)
    }

    private func check(_ browser: Browser, _ stub: StubAPI, _ outside: Tripwire) throws {
      try PageRules().check(browser, of: stub.url, outside)
    }

    @Test func `a page that breaks no rule passes`() throws {
      let (browser, stub) = try open("<h1>Hello</h1><img alt=dot src=data:,>")
      try check(browser, stub, Tripwire())
    }

    @Test func `a script that runs is detected`() throws {
      let (browser, stub) = try open("<script>window.payloadHasRun = true</script>")
      try withKnownIssue {
        try check(browser, stub, Tripwire())
      } matching: {
        "\($0)".contains("payloadHasRun")
      }
    }

    @Test(arguments: ["console.error('a fault')", "nothing.at.all", "fetch('/missing')"])
    func `an error in the console is detected`(_ script: String) throws {
      let (browser, stub) = try open("<script>\(script)</script>")
      try browser.wait(for: "an error") { try browser.console.contains(where: \.isError) }
      try withKnownIssue {
        try check(browser, stub, Tripwire())
      } matching: {
        "\($0)".contains("console: ")
      }
    }

    @Test(arguments: ["127.0.0.1", Browser.outsideHost])
    func `a request that leaves is detected by both sides`(_ host: String) throws {
      let outside = try Tripwire()
      let image = "new Image().src = 'http://\(host):\(outside.port)/pixel'"
      let (browser, stub) = try open("<script>addEventListener('load', () => { \(image) })</script>")
      try browser.wait(for: "a connection") { outside.connectionCount > 0 }
      let request = try browser.requests.first { $0.url.hasSuffix("/pixel") }
      #expect(request?.kind == "Image" && request?.isBlocked == false)
      try withKnownIssue {
        try check(browser, stub, outside)
      } matching: {
        "\($0)".contains("a request ") || "\($0)".contains("console: ")
      }
      try browser.reset()
    }

    @Test func `other names have no address`() throws {
      let (browser, _) = try open("<img alt=dot src=http://example.com/pixel>")
      try browser.wait(for: "an error") {
        try browser.console.contains { $0.text.contains("ERR_NAME_NOT_RESOLVED") }
      }
    }

    @Test func `a violation of the policy is detected`() throws {
      let outside = try Tripwire()
      let image = "<img alt=dot src=http://127.0.0.1:\(outside.port)/pixel>"
      let (browser, stub) = try open(
        "\(image)<script>window.payloadHasRun = true</script>", policy: "default-src 'none'; img-src data:")
      try browser.wait(for: "two violations") { try browser.policyViolations.count == 2 }
      #expect(try browser.requests.filter { $0.url.hasSuffix("/pixel") }.allSatisfy(\.isBlocked))
      #expect(outside.connectionCount == 0)
      try withKnownIssue {
        try check(browser, stub, outside)
      } matching: { issue in
        ["the policy blocked", "console: ", "a request to"].contains { "\(issue)".contains($0) }
      }
    }

    @Test func `a page that is hard to use is detected`() throws {
      let (browser, _) = try open("<main><h1>Hello</h1><button></button><img src=data:,></main>")
      let violations = try browser.accessibilityViolations()
      #expect(violations.contains { $0.hasPrefix("button-name: button:") }, "\(violations)")
      #expect(violations.contains { $0.hasPrefix("image-alt: img:") }, "\(violations)")
      let (_, stub) = try open("<main><h1>Hello</h1><button>Stop</button></main>")
      #expect(try browser.accessibilityViolations().isEmpty)
      _ = stub
    }

    @Test func `elements are found by role and name, and keys reach them`() throws {
      let (browser, stub) = try open(
        """
        <main><h1>Hello</h1><label for=q>Model</label><input id=q>
        <button aria-label=Stop onclick="this.dataset.pressed = 'yes'">x</button></main>
        """)
      _ = stub
      #expect(try browser.has(.role("heading", "Hello")))
      #expect(try !browser.has(.role("button", "x")))
      #expect(try browser.tab(to: .role("textbox", "Model")) == 1)
      try browser.type("a/b")
      #expect(try browser.focused.property("value") as? String == "a/b")
      #expect(try browser.tab(to: .role("button", "Stop")) == 1)
      try browser.press(.enter)
      #expect(try browser.element(.role("button", "Stop")).attribute("data-pressed") == "yes")
    }

    @Test func `preferences and sizes are emulated`() throws {
      let (browser, stub) = try open("<p>Hello")
      _ = stub
      func matches(_ query: String) throws -> Bool {
        try browser.run("return matchMedia(arguments[0]).matches;", [query]) as? Bool == true
      }
      #expect(try !matches("(prefers-color-scheme: dark)") && !matches("(prefers-reduced-motion: reduce)"))
      try browser.emulate(isDark: true, reducesMotion: true)
      #expect(try matches("(prefers-color-scheme: dark)") && matches("(prefers-reduced-motion: reduce)"))
      try browser.setViewport(width: 320, height: 600)
      #expect(try browser.run("return innerWidth;") as? Int == 320)
    }
  }
}
