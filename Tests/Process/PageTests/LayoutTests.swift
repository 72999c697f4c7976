import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// Each view on a phone, in the dark, and for those who do not see it.
  @Suite struct LayoutTests {
    /// A view, and what shows that it is complete.
    static let views: [(name: String, query: String, complete: String)] = [
      ("list", "", "tbody tr:nth-child(5)"),
      ("list-filtered", "?state=failed&metadata.user=7&since=7d", "tbody tr"),
      ("list-empty", "?model=none%2Fsuch", ".empty"), ("job-images", "?job=images", ".gallery img"),
      ("job-failed", "?job=failed", "#job-remedy"), ("job-long", "?job=long", "#job-output"),
      ("job-missing", "?job=none", "main h2"), ("health", "?view=health", "#health-deliveries .number"),
      ("workflows", "?view=workflows", "tbody tr"),
      ("workflow", "?workflow=fan&step=images", ".step-jobs li:nth-child(4)"),
      ("workflow-failed", "?workflow=stops&step=stop", "#step .error"),
      ("workflow-missing", "?workflow=none", "main h2"),
    ]

    /// A job, the button that opens a dialog, and the one that closes it.
    private static let dialogs = [
      ("running", "Cancel…", "Keep it"), ("running", "Delete…", "Keep it"),
      ("failed", "Retry…", "Do not retry"),
    ]

    private static func prepare(_ visit: Visit) throws {
      visit.rules.expectedErrors = ["404"]
      let word = String(repeating: "W", count: 3000)
      let metadata: [String: Any] = [
        "user": "7", "order": "2026-11-30/4711", "tenant": word.prefix(200), "x": 1,
      ]
      try visit.submit(
        "images", model: "demo/image", input: ["prompt": "a desk lamp", "num_outputs": 3], metadata: metadata)
      try visit.submit("failed", model: "demo/fail", metadata: metadata)
      try visit.submit(
        "long", input: ["prompt": word, word: word], simulate: ["output": [word, [word: word]]],
        metadata: metadata)
      try visit.submit(String(repeating: "w", count: 64), model: "demo/text")
      try visit.submit("running", simulate: ["duration_ms": 60_000])
      try visit.start("fan", Visit.fanOut(items: 4), ["metadata": metadata])
      let failing: [String: Any] = ["name": "stop", "model": "demo/fail", "input": ["prompt": word]]
      try visit.start("stops", [failing])
      for id in ["images", "failed", "long", "w-stops-stop-0-1"] { try visit.await(id) }
      try visit.browser.wait(for: "a fan-out", seconds: 30) {
        try visit.daemon.fetch("/workflows/fan").text.contains(#""state":"succeeded","revision""#)
      }
      try visit.await("running", in: ["running"])
    }

    private static func awaitView(_ visit: Visit, _ selector: String) throws {
      _ = try visit.browser.element(.css(selector))
    }

    private static let overflow = """
      const width = document.documentElement.clientWidth;
      const wide = [...document.querySelectorAll("body *")].filter((element) =>
        element.getBoundingClientRect().right > width + 0.5 && element.checkVisibility());
      return document.documentElement.scrollWidth > width
        ? wide.map((element) => element.outerHTML.slice(0, 120)) : [];
      """

    @Test func `no view is wider than 320 pixels`() throws {
      try Visit.run { visit in
        try Self.prepare(visit)
        try visit.browser.setViewport(width: 320, height: 640)
        for view in Self.views {
          try visit.open(view.query)
          try Self.awaitView(visit, view.complete)
          let wide = try visit.browser.run(Self.overflow) as? [String]
          #expect(wide == [], "\(view.name)")
          try visit.browser.takeScreenshot("phone-\(view.name)")
        }
        for (id, button, close) in Self.dialogs {
          try visit.openJob(id)
          try visit.browser.click(.role("button", button))
          #expect(try visit.browser.run(Self.overflow) as? [String] == [], "\(button)")
          let isInside =
            try visit.browser.run(
              """
              const box = document.querySelector("dialog").getBoundingClientRect();
              return box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
              """) as? Bool
          #expect(isInside == true, "\(button)")
          try visit.browser.click(.role("button", close))
        }
      }
    }

    @Test(arguments: [false, true])
    func `axe-core finds nothing in any view`(_ isDark: Bool) throws {
      try Visit.run { visit in
        try Self.prepare(visit)
        try visit.browser.emulate(isDark: isDark)
        for view in Self.views {
          try visit.open(view.query)
          try Self.awaitView(visit, view.complete)
          #expect(try visit.browser.policyViolations == [], "\(view.name)")
          let violations = try visit.browser.accessibilityViolations()
          #expect(violations == [], "\(view.name)")
          try visit.browser.takeScreenshot("\(view.name)-\(isDark ? "dark" : "light")")
        }
        for (id, button, close) in Self.dialogs {
          try visit.openJob(id)
          try visit.browser.click(.role("button", button))
          #expect(try visit.browser.accessibilityViolations() == [], "\(button)")
          try visit.browser.click(.role("button", close))
        }
        try visit.browser.click(.role("button", "Keys"))
        #expect(try visit.browser.accessibilityViolations() == [], "keys")
        // axe-core itself makes styles that the policy blocks.
        try visit.browser.open("about:blank")
      }
    }

    @Test(arguments: [false, true])
    func `axe-core finds nothing in the form to sign in`(_ isDark: Bool) throws {
      try Visit.run(["API_TOKENS": "0123456789abcdef-page"]) { visit in
        visit.rules.expectedErrors = ["401"]
        try visit.browser.emulate(isDark: isDark)
        try visit.open()
        _ = try visit.browser.element(.role("heading", "Sign in"))
        #expect(try visit.browser.accessibilityViolations() == [])
        try visit.browser.setViewport(width: 320, height: 640)
        #expect(try visit.browser.run(Self.overflow) as? [String] == [])
        try visit.browser.takeScreenshot("sign-in-\(isDark ? "dark" : "light")")
        try visit.browser.open("about:blank")
      }
    }

    /// WCAG 2.2, 2.3.3: Animation from Interactions.
    @Test func `nothing moves for those who prefer it so`() throws {
      try Visit.run { visit in
        try visit.submit("running", simulate: ["duration_ms": 60_000])
        try visit.await("running", in: ["running"])
        try visit.browser.emulate(reducesMotion: true)
        for query in ["", "?job=running", "?view=health"] {
          try visit.open(query)
          _ = try visit.browser.element(.css("main h1"))
          try visit.browser.wait(for: "the connection") { try visit.browser.has(.css("main :not(h1)")) }
          let script = "return document.getAnimations().filter((one) => one.playState === 'running').length;"
          #expect(try visit.browser.run(script) as? Int == 0, "\(query)")
        }
      }
    }
  }
}
