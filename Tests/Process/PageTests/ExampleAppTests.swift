import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The app of `deploy/examples`, as its users see it.
  @Suite struct ExampleAppTests {
    private static let python = ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"]
    private static let secret = "whsec_cGFnZXMtb2YtYXBwcy1hcmUtc2lnbmVkLXRvbw=="

    /// Notes every text that the list of jobs shows.
    private static let recorder = """
      window.shown = [];
      const list = document.querySelector("ul");
      new MutationObserver(() => shown.push(list.innerText)).observe(
        list, { childList: true, subtree: true, characterData: true });
      """

    private static func app(on port: Int, _ visit: Visit) throws -> Helper {
      let folder = Program.root.appendingPathComponent("deploy/examples").path
      return try Helper(
        [try #require(python), "-m", "uvicorn", "app:app", "--app-dir", folder, "--port", "\(port)"],
        environment: [
          "CALLBACK_SECRET": secret, "JOBS_API": visit.origin, "PYTHONDONTWRITEBYTECODE": "1",
        ], port: port)
    }

    /// The percentages that were shown beside a state, in order and each once.
    private static func percentages(_ visit: Visit, of state: String) throws -> [Int] {
      let shown = try #require(try visit.browser.run("return shown;") as? [String])
      let found = shown.compactMap { $0.firstMatch(of: /: (\w+) (\d+) %/) }
      return found.filter { $0.1 == state }.compactMap { Int($0.2) }.reduce(into: []) { all, each in
        if all.last != each { all.append(each) }
      }
    }

    @Test(.enabled(if: python != nil, "OFFICIAL_LIBRARIES_PYTHON is not set"))
    func `a user sees the progress and the end of each job, and no other user's`() throws {
      let port = try FreePorts.choose(1)[0]
      let origin = "http://127.0.0.1:\(port)"
      let settings = [
        "BROWSER_ORIGINS": origin, "CALLBACK_URL": "\(origin)/hook", "CALLBACK_SECRET": Self.secret,
      ]
      try Visit.run(settings, simulated: ["--duration", "2s"]) { visit in
        let app = try Self.app(on: port, visit)
        let browser = visit.browser
        visit.rules.otherOrigins += [origin, "http://127.0.0.1:\(visit.daemon.webhookPort)"]
        try browser.open("\(origin)/")
        try browser.run(Self.recorder)
        try browser.element(.css("input[name=prompt]")).type(", <b>white</b>")
        try browser.click(.role("button", "Make"))
        try visit.awaitText(": succeeded 100 %")

        let progress = try Self.percentages(visit, of: "running")
        #expect(progress.contains { (1..<100).contains($0) } && progress == progress.sorted())
        let job = try browser.text.firstMatch(of: /(\S+): succeeded/)
        let id = String(try #require(job).1)
        let stored = try visit.daemon.job(id)
        #expect((stored["input"] as? [String: Any])?["prompt"] as? String == "a desk lamp, <b>white</b>")
        try app.waitForOutput(#""POST /hook HTTP/1.1" 204"#)

        try browser.reload()
        try visit.awaitText("\(id): succeeded 100 %")
        try browser.removeCookies()
        try browser.reload()
        let isAnswered =
          "return performance.getEntriesByName(`${origin}/jobs`).some((entry) => entry.responseEnd);"
        try browser.wait(for: "the list of another user") { try browser.run(isAnswered) as? Bool == true }
        try browser.runAsynchronously("setTimeout(arguments[0]);")
        #expect(try !browser.has(.css("li")))
      }
    }
  }
}
