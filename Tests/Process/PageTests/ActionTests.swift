import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// What changes a job, each with its question before.
  @Suite struct ActionTests {
    private static func open(_ visit: Visit, _ id: String, _ state: String) throws {
      try visit.openJob(id)
      try visit.browser.wait(for: "the state \(state)") {
        try visit.browser.element(.css(".title .state")).text == state
      }
    }

    @Test func `a job is canceled only after a confirmation`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.submit("lamp-1", simulate: ["duration_ms": 60_000])
        try Self.open(visit, "lamp-1", "running")
        try browser.click(.role("button", "Cancel…"))
        _ = try browser.element(.role("heading", "Cancel this job?"))
        try browser.click(.role("button", "Keep it"))
        #expect(
          try !browser.has(.css("dialog")) && visit.daemon.job("lamp-1")["state"] as? String == "running")
        try browser.click(.role("button", "Cancel…"))
        try browser.click(.role("button", "Cancel job"))
        try browser.wait(for: "the end") { try browser.element(.css(".title .state")).text == "canceled" }
        #expect(try visit.daemon.job("lamp-1")["state"] as? String == "canceled")
        #expect(try !browser.has(.role("button", "Cancel…")))
      }
    }

    @Test func `a retry makes a new job, with the same input or a changed one`() throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.submit("lamp-1", model: "demo/fail", input: ["prompt": "a desk lamp", "seed": 1])
        try visit.await("lamp-1")
        var ids: [String] = []
        for change in [nil, #"{"prompt": "a lamp", "scale": 1.10}"#] {
          try Self.open(visit, "lamp-1", "failed")
          try browser.click(.role("button", "Retry…"))
          if let change {
            try browser.click(.css("dialog summary"))
            let field = try browser.element(.role("textbox", "Input as JSON"))
            try field.clear()
            try field.type("{")
            try browser.click(.role("button", "Create new job"))
            try visit.awaitText("The input cannot be sent")
            try field.clear()
            try field.type(change)
          }
          try browser.click(.role("button", "Create new job"))
          let link = try browser.element(.css(".results .created a"))
          ids.append(try link.text)
          #expect(try browser.focused.id == link.id)
          try browser.press(.enter)
          try browser.wait(for: "the new job") { try browser.element(.css("h1")).text == ids.last }
        }
        let jobs = try ids.map { try visit.daemon.job($0) }
        #expect(jobs.allSatisfy { $0["retry_of"] as? String == "lamp-1" })
        let inputs = jobs.map { $0["input"] as? [String: Any] }
        #expect(inputs[0]?["prompt"] as? String == "a desk lamp" && inputs[0]?["seed"] as? Int == 1)
        #expect(inputs[1]?["prompt"] as? String == "a lamp" && inputs[1]?["seed"] == nil)
        let text = try visit.daemon.fetch("/jobs/\(ids[1])").text
        #expect(text.contains(#""scale": 1.10"#) || text.contains(#""scale":1.10"#))
      }
    }

    @Test(arguments: [false, true])
    func `a deleted job is gone from both views`(_ isOpen: Bool) throws {
      try Visit.run { visit in
        let browser = visit.browser
        try visit.submit("lamp-1", simulate: isOpen ? ["duration_ms": 60_000] : [:])
        try visit.submit("lamp-2")
        try Self.open(visit, "lamp-1", isOpen ? "running" : "succeeded")
        try browser.click(.role("button", "Delete…"))
        try browser.press(.escape)
        try browser.wait(for: "the dialog to close") { try !browser.has(.css("dialog")) }
        try browser.click(.role("button", "Delete…"))
        try browser.click(.role("button", isOpen ? "Cancel and delete" : "Delete job"))
        try visit.awaitText("This job was deleted")
        try browser.wait(for: "the deletion") { try visit.daemon.fetch("/jobs/lamp-1").status == 404 }
        try browser.click(.role("link", "All jobs"))
        try visit.awaitRows(["lamp-2"])
      }
    }

    @Test func `a deletion by another leaves the open view and the list`() throws {
      try Visit.run { visit in
        try visit.submit("lamp-1", simulate: ["duration_ms": 60_000])
        try visit.submit("lamp-2")
        try visit.await("lamp-2")
        try visit.open()
        try visit.awaitRows(["lamp-1", "lamp-2"])
        #expect(try visit.daemon.fetch("/jobs/lamp-2", method: "DELETE").status < 300)
        try visit.browser.wait(for: "the row to be marked or gone") {
          try visit.browser.has(.css("tr.passed")) || visit.rows == ["lamp-1"]
        }
        try Self.open(visit, "lamp-1", "running")
        #expect(try visit.daemon.fetch("/jobs/lamp-1?cancel=true", method: "DELETE").status < 300)
        try visit.awaitText("canceled")
        try visit.browser.wait(for: "the deletion") { try visit.daemon.fetch("/jobs/lamp-1").status == 404 }
        visit.rules.expectedErrors = ["404"]
        try visit.browser.reload()
        try visit.awaitText("There is no such job")
      }
    }

    /// The daemon refuses a change whose request comes from another site.
    @Test func `another site cannot change a job`() throws {
      try Visit.run { visit in
        try visit.submit("lamp-1", simulate: ["duration_ms": 60_000])
        try Self.open(visit, "lamp-1", "running")
        // Another port is another origin, and another host another site.
        try visit.browser.open(visit.simulator.url + "/nothing")
        let script = """
          const done = arguments[arguments.length - 1];
          fetch(arguments[0], { method: "POST", mode: "no-cors", credentials: "include" })
            .then(() => done(1), () => done(2));
          """
        try visit.browser.runAsynchronously(script, ["\(visit.origin)/jobs/lamp-1/cancel"])
        #expect(try visit.daemon.job("lamp-1")["state"] as? String == "running")
        visit.rules.expectedErrors = ["403", "404"]
      }
    }
  }
}
