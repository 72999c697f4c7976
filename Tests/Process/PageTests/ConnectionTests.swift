import Browser
import Foundation
import LiveDaemon
import PostgreSQLServer
import Testing

extension PageTests {
  /// A daemon that goes away and comes back, and the page on PostgreSQL.
  @Suite struct ConnectionTests {
    private static func awaitConnection(_ visit: Visit, _ text: String) throws {
      try visit.browser.wait(for: text, seconds: 30) {
        try visit.browser.element(.css("#connection")).text == text
      }
    }

    @Test(arguments: [false, true])
    func `the page reports a lost daemon, and goes on when it is back`(_ isJob: Bool) throws {
      try Visit.run { visit in
        visit.rules.expectedErrors = ["net::ERR_", "503"]
        try visit.submit("lamp-1", simulate: ["duration_ms": 4000])
        try visit.await("lamp-1", in: ["running"])
        try visit.open(isJob ? "?job=lamp-1" : "")
        try Self.awaitConnection(visit, "Live")
        try visit.browser.run("window.isSameDocument = true;")
        visit.stopDaemon()
        try Self.awaitConnection(visit, "Reconnecting…")
        // Rows that were read stay.
        #expect(try visit.browser.text.contains("lamp-1"))
        try visit.browser.takeScreenshot("reconnecting-\(isJob ? "job" : "list")")
        try visit.startDaemon()
        try visit.submit("lamp-2")
        try visit.await("lamp-1")
        try visit.browser.wait(for: "what has changed meanwhile", seconds: 30) {
          isJob
            ? try visit.browser.element(.css(".title .state")).text == "succeeded"
            : try visit.shownState("lamp-1") == "succeeded" && visit.rows.contains("lamp-2")
        }
        if !isJob { try Self.awaitConnection(visit, "Live") }
        #expect(try visit.browser.run("return window.isSameDocument === true;") as? Bool == true)
      }
    }

    @Test func `a page that was opened while the daemon fails offers another try`() throws {
      try Visit.run { visit in
        visit.rules.expectedErrors = ["net::ERR_"]
        try visit.open()
        try visit.awaitText("No jobs yet")
        visit.stopDaemon()
        try visit.browser.click(.css("nav[aria-label=State] a[href$='state=failed']"))
        _ = try visit.browser.element(.role("button", "Try again"))
        try visit.startDaemon()
        try visit.browser.click(.role("button", "Try again"))
        try visit.awaitText("No job matches")
      }
    }

    @Test(.enabled(if: PostgreSQLServer.isAvailable))
    func `on PostgreSQL the page shows, filters, pages and follows`() throws {
      let database = try PostgreSQLServer.shared().makeDatabase()
      try Visit.run(["DATABASE_URL": database.url], simulated: ["--duration", "1s"]) { visit in
        for number in 1...60 {
          try visit.deliver([
            "id": "p\(number)", "status": number == 7 ? "failed" : "succeeded", "output": "x",
          ])
        }
        try visit.open()
        try visit.browser.wait(for: "a page") { try visit.rows.count == 50 }
        try visit.submit("lamp-1", metadata: ["user": "7"])
        try visit.browser.wait(for: "a new row") { try visit.rows.first == "lamp-1" }
        try visit.browser.wait(for: "its end") { try visit.shownState("lamp-1") == "succeeded" }
        try visit.browser.click(.role("button", "Older →"))
        try visit.browser.wait(for: "the other page") { try visit.rows.count == 11 }
        try visit.open("?metadata.user=7&since=1h")
        try visit.awaitRows(["lamp-1"])
        try visit.open("?state=failed")
        try visit.awaitRows(["p7"])
        try visit.openJob("lamp-1")
        try visit.awaitText("running → succeeded")
      }
    }
  }
}
