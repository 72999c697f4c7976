import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The view of one job.
  @Suite struct JobTests {
    private static func awaitState(_ visit: Visit, _ state: String, seconds: Int = 10) throws {
      try visit.browser.wait(for: "the state \(state)", seconds: seconds) {
        try visit.browser.element(.css(".title .state")).text == state
      }
    }

    @Test func `a job is followed to its end, with its progress, output, logs and timeline`() throws {
      try Visit.run(simulated: ["--duration", "2s"]) { visit in
        try visit.submit("lamp-1", model: "demo/logs", metadata: ["user": "7"])
        try visit.openJob("lamp-1")
        try visit.browser.run("window.isSameDocument = true;")
        try Self.awaitState(visit, "running")
        try visit.browser.wait(for: "progress") {
          try visit.browser.run("return (document.querySelector('#job-progress')?.value ?? 0) > 0;") as? Bool
            == true
        }
        try Self.awaitState(visit, "succeeded")
        #expect(try visit.browser.run("return window.isSameDocument === true;") as? Bool == true)
        for id in ["output", "input", "logs", "details", "timeline"] {
          #expect(try visit.browser.has(.css("#job-\(id)")), "\(id)")
        }
        #expect(try visit.browser.element(.css("#job-input")).text.contains("a desk lamp"))
        #expect(try visit.browser.element(.css("#job-details")).text.contains("metadata.user"))
        try visit.browser.wait(for: "the timeline") {
          let timeline = try visit.browser.element(.css("#job-timeline")).text
          return ["Created", "Webhook", "pending → running", "running → succeeded"].allSatisfy(
            timeline.contains)
        }
        try visit.browser.takeScreenshot("job-succeeded")
      }
    }

    /// A job, and what its view shows.
    struct Case: Sendable {
      let state: String
      let model: String
      var simulate = "{}"
      var members = "{}"
      /// Texts that the view shows.
      let texts: [String]
      /// The buttons of actions that the state allows.
      let actions: Set<String>
    }

    static let cases = [
      Case(
        state: "pending", model: "demo/hello", simulate: #"{"queue_ms":60000}"#,
        texts: ["Waiting at Replicate", "No output yet"], actions: ["Cancel…", "Delete…"]),
      Case(
        state: "running", model: "demo/hello", simulate: #"{"duration_ms":60000}"#, texts: ["Running"],
        actions: ["Cancel…", "Delete…"]),
      Case(
        state: "succeeded", model: "demo/hello", texts: ["Succeeded in"], actions: ["Retry…", "Delete…"]),
      Case(
        state: "failed", model: "demo/fail", texts: ["The model failed"], actions: ["Retry…", "Delete…"]),
      Case(
        state: "failed", model: "demo/foreign", members: #"{"expect":{"kind":"urls"}}"#,
        texts: ["invalid_output", "breaks an output rule", "Not loaded"],
        actions: ["Retry…", "Delete…"]),
      Case(
        state: "canceled", model: "demo/hello", simulate: #"{"duration_ms":60000}"#, texts: ["Canceled"],
        actions: ["Retry…", "Delete…"]),
      // The last, because calls to the provider rest after some without an answer.
      Case(
        state: "stale", model: "demo/hello", simulate: #"{"duration_ms":60000}"#,
        texts: ["No update for longer", "Stale since"], actions: ["Cancel…", "Delete…"]),
    ]

    private static func object(_ text: String) throws -> [String: Any] {
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }

    @Test func `each state is shown with its meaning and its actions`() throws {
      try Visit.run(["JOB_TIMEOUT": "1s"]) { visit in
        for (number, example) in Self.cases.enumerated() {
          let id = "\(example.state)-\(number)"
          try visit.submit(
            id, model: example.model, simulate: Self.object(example.simulate), Self.object(example.members))
          try visit.openJob(id)
          if ["canceled", "stale"].contains(example.state) { try Self.awaitState(visit, "running") }
          if example.state == "stale" { visit.stopSimulator() }
          defer { visit.continueSimulator() }
          if example.state == "canceled" {
            #expect(try visit.daemon.post("", to: "/jobs/\(id)/cancel", fields: []).status < 300)
          }
          try Self.awaitState(visit, example.state, seconds: 20)
          for text in example.texts { try visit.awaitText(text) }
          let shown = try ["Cancel…", "Retry…", "Delete…"].filter {
            try visit.browser.has(.role("button", $0))
          }
          #expect(Set(shown) == example.actions, "\(id)")
        }
      }
    }

    /// An output, and the element that shows it.
    static let outputs: [(model: String, simulate: String, element: String, count: Int)] = [
      ("demo/hello", "{}", ".gallery img", 1),
      ("demo/image", "{}", ".gallery img", 1),
      ("demo/object", "{}", ".gallery img", 2),
      ("demo/svg", "{}", ".gallery img", 1),
      ("demo/audio", "{}", ".gallery audio", 1),
      ("demo/document", "{}", ".gallery a.file", 1),
      ("demo/text", "{}", ".output .prose", 1),
      ("demo/tokens", "{}", ".output .prose", 1),
      ("demo/numbers", "{}", ".output .json summary", 1),
      ("demo/hello", #"{"output":{"a":{"b":[1.10,2]}}}"#, ".output .json summary", 2),
      ("demo/hello", #"{"output":"plain words"}"#, ".output .prose", 1),
      ("demo/hello", #"{"output":true}"#, ".output .leaf", 1),
    ]

    @Test func `each kind of output is shown as a person wants it`() throws {
      try Visit.run { visit in
        for (number, output) in Self.outputs.enumerated() {
          let id = "output-\(number)"
          try visit.submit(id, model: output.model, simulate: Self.object(output.simulate))
          try visit.await(id)
          try visit.openJob(id)
          try Self.awaitState(visit, "succeeded")
          let shown = try visit.browser.elements(.css(output.element)).count
          #expect(shown == output.count, "\(output): \(shown)")
          // Chromium has a file, and could read it.
          try visit.browser.wait(for: "the media of \(output)") {
            try visit.browser.run(
              """
              return [...document.querySelectorAll(".gallery img")]
                  .every((image) => image.complete && image.naturalWidth)
                && [...document.querySelectorAll(".gallery audio")].every((media) => media.duration > 0);
              """) as? Bool == true
          }
        }
      }
    }

    @Test func `a picture has the prompt as its text, and its file is a link`() throws {
      try Visit.run { visit in
        try visit.submit("lamp-1", model: "demo/image", input: ["prompt": "a desk lamp", "num_outputs": 2])
        try visit.await("lamp-1")
        try visit.openJob("lamp-1")
        _ = try visit.browser.element(.role("image", "Output 2 of 2 of “a desk lamp”"))
        let link = try visit.browser.element(.css("figcaption a"))
        #expect(try link.attribute("href")?.hasPrefix(visit.simulator.url) == true)
        #expect(try link.attribute("rel") == "noopener noreferrer" && link.attribute("target") == "_blank")
      }
    }

    @Test func `a job without an answer in the store is explained`() throws {
      try Visit.run { visit in
        visit.rules.expectedErrors = ["400", "404"]
        try visit.openJob("<script>window.payloadHasRun=true</script>")
        try visit.awaitText("There is no such job")
        #expect(try visit.browser.element(.css("h1")).text == "<script>window.payloadHasRun=true</script>")
        try visit.openJob("../metrics")
        try visit.awaitText("There is no such job")
        #expect(try !visit.browser.requests.contains { $0.url.hasSuffix("/metrics") })
      }
    }

    /// Runs what the page offers for a shell, in one.
    @Test func `the command that creates a job posts the same input`() throws {
      try Visit.run { visit in
        let prompt = "it's `id` $(id) \"quoted\" \\ \u{202E}é\n2nd line"
        try visit.submit(
          "lamp-1", input: ["prompt": prompt, "seed": 12_345_678_901], metadata: ["user": "7"])
        try visit.await("lamp-1")
        try visit.openJob("lamp-1")
        try visit.browser.click(.css("#job-curl summary"))
        let text = try visit.browser.element(.css("#job-curl pre[aria-label='Create a job like it']"))
          .property(
            "textContent")
        let result = try Program.run(["-c", text as? String ?? ""], executable: "/bin/bash")
        let created = try Self.object(result.output)
        let id = try #require(created["id"] as? String, "\(result)")
        let job = try visit.daemon.job(id)
        #expect(((job["input"] as? [String: Any])?["prompt"] as? String) == prompt)
        #expect(((job["input"] as? [String: Any])?["seed"] as? Int) == 12_345_678_901)
        #expect(((job["metadata"] as? [String: Any])?["user"] as? String) == "7")
      }
    }
  }
}
