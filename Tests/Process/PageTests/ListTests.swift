import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The list of jobs: live, filtered and in pages.
  @Suite struct ListTests {
    @Test func `a job appears and changes without a reload`() throws {
      try Visit.run(simulated: ["--duration", "1s"]) { visit in
        try visit.open()
        _ = try visit.browser.element(.role("heading", "No jobs yet"))
        try visit.browser.run("window.isSameDocument = true;")
        try visit.submit("lamp-1", metadata: ["user": "7"])
        try visit.awaitText("lamp-1")
        try visit.browser.wait(for: "the running state") { try visit.shownState("lamp-1") == "running" }
        #expect(try visit.browser.has(.css("tbody progress")))
        try visit.browser.wait(for: "the end") { try visit.shownState("lamp-1") == "succeeded" }
        #expect(try !visit.browser.has(.css("tbody progress")))
        #expect(try visit.browser.run("return window.isSameDocument === true;") as? Bool == true)
        #expect(try visit.browser.text.contains("demo/hello"))
        #expect(try visit.browser.text.contains("user 7"))
        try visit.browser.wait(for: "the counts") {
          try visit.browser.has(.css("nav[aria-label=State] a[href$='state=succeeded'] .number"))
            && visit.browser.element(.css("nav[aria-label=State] a[href$='state=succeeded']")).text.hasSuffix(
              "1")
        }
        try visit.browser.takeScreenshot("list-live")
      }
    }

    /// A way to filter, and the jobs that it leaves.
    struct Filter: Sendable {
      let name: String
      let query: String
      let jobs: Set<String>
      let set: @Sendable (Browser) throws -> Void
    }

    static let filters = [
      Filter(name: "state", query: "state=failed", jobs: ["c"]) {
        try $0.click(.css("nav[aria-label=State] a[href$='state=failed']"))
      },
      Filter(name: "model", query: "model=demo%2Ftext", jobs: ["b"]) {
        try $0.element(.role("combobox", "Model")).type("demo/text\u{E007}")
      },
      Filter(name: "metadata", query: "metadata.user=7", jobs: ["a", "b"]) {
        try $0.element(.role("searchbox", "Metadata")).type("user=7\u{E007}")
      },
      Filter(name: "metadata in a row", query: "metadata.user=8", jobs: ["c"]) {
        try $0.click(.css("tbody a.chip[title='user=8']"))
      },
      Filter(name: "time", query: "since=1h", jobs: ["a", "b", "c"]) {
        try $0.element(.role("combobox", "Time")).choose("Last hour")
      },
      Filter(name: "exact time", query: "until=2020-01-02", jobs: []) { browser in
        try browser.element(.role("combobox", "Time")).choose("Exact times…")
        let field = try browser.element(.css("#until"))
        try browser.run(
          """
          arguments[0].value = "2020-01-02T00:00";
          arguments[0].dispatchEvent(new Event("change", { bubbles: true }));
          """, [field.argument])
      },
    ]

    @Test func `each filter shows its jobs, also after a reload, and goes with the history`() throws {
      try Visit.run { visit in
        try visit.submit("a", metadata: ["user": "7"])
        try visit.submit("b", model: "demo/text", metadata: ["user": "7"])
        try visit.submit("c", model: "demo/fail", metadata: ["user": "8"])
        for id in ["a", "b", "c"] { try visit.await(id) }
        for filter in Self.filters {
          try visit.open()
          try visit.awaitRows(["a", "b", "c"])
          try filter.set(visit.browser)
          try visit.browser.wait(for: "the address of \(filter.name)") {
            try visit.browser.url.contains(filter.query)
          }
          if filter.jobs.isEmpty {
            try visit.awaitText("No job matches")
          } else {
            try visit.awaitRows(filter.jobs)
          }
          try visit.browser.reload()
          if filter.jobs.isEmpty {
            try visit.awaitText("No job matches")
          } else {
            try visit.awaitRows(filter.jobs)
          }
          try visit.browser.goBack()
          try visit.awaitRows(["a", "b", "c"])
          #expect(try !visit.browser.url.contains(filter.query), "\(filter.name)")
        }
      }
    }

    @Test func `a filter takes new jobs that match, and marks those that leave`() throws {
      try Visit.run(simulated: ["--duration", "2s"]) { visit in
        try visit.open("?state=running&metadata.user=7")
        try visit.awaitText("No job matches")
        try visit.submit("a", metadata: ["user": "8"])
        try visit.submit("b", metadata: ["user": "7"])
        try visit.awaitRows(["b"])
        try visit.browser.wait(for: "the mark") { try visit.browser.has(.css("tr.passed")) }
        #expect(try visit.shownState("b") == "succeeded")
        try visit.browser.reload()
        try visit.awaitText("No job matches")
      }
    }

    @Test func `pages have every job once, and back leads to the page before`() throws {
      try Visit.run { visit in
        for number in 1...120 {
          try visit.deliver(["id": "p\(number)", "status": "succeeded", "output": "x"])
        }
        try visit.open()
        let browser = visit.browser
        func page(_ count: Int, _ step: String? = nil) throws -> [String] {
          let before = try visit.rows
          if let step { try browser.click(.role("button", step)) }
          try browser.wait(for: "\(count) rows") {
            let rows = try visit.rows
            return rows.count == count && (step == nil || rows != before)
          }
          return try visit.rows
        }
        let first = try page(50)
        let second = try page(50, "Older →")
        let third = try page(20, "Older →")
        #expect(Set(first + second + third) == Set((1...120).map { "p\($0)" }))
        #expect(try !browser.element(.role("button", "Older →")).isEnabled)
        try browser.goBack()
        try browser.wait(for: "the second page") { try visit.rows == second }
        #expect(try page(50, "← Newer") == first)
        for request in try browser.requests where request.kind == "Fetch" {
          #expect((request.bytes ?? 0) < 100_000, "\(request.url)")
        }
      }
    }

    @Test func `new jobs wait for a reader who is in the table`() throws {
      try Visit.run { visit in
        try visit.submit("old")
        try visit.open()
        try visit.awaitRows(["old"])
        try visit.browser.tab(to: .role("link", "old"))
        try visit.submit("new")
        try visit.browser.click(.role("button", "1 new job ↑"))
        try visit.awaitRows(["new", "old"])
        #expect(try visit.rows == ["new", "old"])
      }
    }

    @Test func `a job is found by its id`() throws {
      try Visit.run { visit in
        try visit.submit("lamp-1")
        try visit.open()
        try visit.browser.element(.role("searchbox", "Find")).type("lamp-2\u{E007}")
        try visit.awaitText("No job has the id lamp-2")
        try visit.browser.element(.role("searchbox", "Find")).clear()
        try visit.browser.element(.role("searchbox", "Find")).type("lamp-1\u{E007}")
        _ = try visit.browser.element(.css("main.job h1"))
        #expect(try visit.browser.url.hasSuffix("?job=lamp-1"))
      }
    }

    @Test func `rows that change move nothing`() throws {
      try Visit.run(simulated: ["--duration", "2s"]) { visit in
        for number in 1...5 { try visit.submit("job-\(number)") }
        try visit.open()
        try visit.browser.wait(for: "all rows") { try visit.rows.count == 5 }
        try visit.browser.wait(for: "a running job") { try visit.browser.has(.css("tbody progress")) }
        try visit.browser.run(
          """
          window.shifts = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shifts += entry.value;
          }).observe({ type: "layout-shift" });
          """)
        for number in 1...5 {
          try visit.browser.wait(for: "the end") { try visit.shownState("job-\(number)") == "succeeded" }
        }
        #expect(try (visit.browser.run("return window.shifts;") as? Double) == 0)
      }
    }
  }
}
