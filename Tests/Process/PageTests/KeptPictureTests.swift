import Browser
import BucketStub
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The copies of an output's files, in the view of their job.
  @Suite struct KeptPictureTests {
    private let folder: TemporaryFolder
    private let settings: [String: String]

    init() throws {
      folder = try TemporaryFolder()
      settings = ["ARCHIVE": "file:\(folder.url.path)/files"]
    }

    private static func awaitArchive(_ visit: Visit, _ id: String, _ state: String) throws {
      try visit.browser.wait(for: "the archive of \(id) as \(state)", seconds: 30) {
        (try visit.daemon.job(id)["archive"] as? [String: Any])?["state"] as? String == state
      }
    }

    /// Waits until all pictures of the output are shown, and returns where they came from.
    private static func awaitPictures(_ visit: Visit, count: Int = 1) throws -> [String] {
      let pictures = "[...document.querySelectorAll('.gallery img')]"
      try visit.browser.wait(for: "\(count) pictures") {
        try visit.browser.run(
          "const all = \(pictures); "
            + "return all.length === \(count) && all.every((one) => one.complete && one.naturalWidth > 0);")
          as? Bool == true
      }
      let sources = try visit.browser.run("return \(pictures).map((one) => one.currentSrc);")
      return try #require(sources as? [String])
    }

    @Test func `a picture is shown when its source has gone`() throws {
      try Visit.run(settings) { visit in
        visit.rules.otherOrigins = []
        try visit.submit("lamp-1", model: "demo/image", input: ["prompt": "a desk lamp", "num_outputs": 2])
        try Self.awaitArchive(visit, "lamp-1", "complete")
        visit.stopSimulator()
        defer { visit.continueSimulator() }
        try visit.openJob("lamp-1")
        let sources = try Self.awaitPictures(visit, count: 2)
        #expect(sources == (0..<2).map { "\(visit.origin)/jobs/lamp-1/files/\($0)" })
        let link = try visit.browser.element(.css("figcaption a"))
        #expect(try link.attribute("href") == "/jobs/lamp-1/files/0")
        #expect(try visit.browser.element(.css("#job-details")).text.contains("2 kept"))
        try visit.awaitText("· kept, ")
        try visit.browser.takeScreenshot("job-kept")
      }
    }

    /// It is served as an attachment, which is no obstacle to an image.
    @Test func `a drawing is shown, and its script does not run`() throws {
      try Visit.run(settings) { visit in
        visit.rules.otherOrigins = []
        let drawing = """
          <svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
          <script>window.payloadHasRun = true; parent.payloadHasRun = true</script>
          <rect width="9" height="9"/>
          </svg>
          """
        let file = ["$file": "svg", "type": "image/svg+xml", "name": "a.svg", "content": drawing]
        try visit.submit("lamp-1", simulate: ["output": [file]])
        try Self.awaitArchive(visit, "lamp-1", "complete")
        try visit.openJob("lamp-1")
        #expect(try Self.awaitPictures(visit) == ["\(visit.origin)/jobs/lamp-1/files/0"])
      }
    }

    @Test func `a session opens the pictures, and nothing else does`() throws {
      let token = "0123456789abcdef-page"
      try Visit.run(settings.merging(["API_TOKENS": token]) { $1 }) { visit in
        visit.rules.expectedErrors = ["401"]
        try visit.submit("lamp-1", model: "demo/image", token: token)
        try visit.openJob("lamp-1")
        try visit.browser.element(.css("input#token")).type(token)
        try visit.browser.press(.enter)
        try visit.browser.wait(for: "a kept picture", seconds: 30) {
          try visit.browser.run(
            "return document.querySelector('figcaption a')?.pathname === '/jobs/lamp-1/files/0';") as? Bool
            == true
        }
        try visit.browser.reload()
        #expect(try Self.awaitPictures(visit) == ["\(visit.origin)/jobs/lamp-1/files/0"])
        #expect(try visit.daemon.fetch("/jobs/lamp-1/files/0").status == 401)
      }
    }

    /// A browser checks the address of the redirect against the policy.
    @Test func `a picture in a bucket is loaded from there`() throws {
      let bucket = try BucketStub(
        keyID: "AKWEBHOOKDTEST01", secret: "0123456789abcdef0123456789abcdef01234567")
      defer { bucket.stop() }
      let settings = [
        "ARCHIVE": "s3://\(bucket.bucket)/kept", "ARCHIVE_ENDPOINT": bucket.endpoint,
        "ARCHIVE_REGION": bucket.region, "ARCHIVE_KEY_ID": "AKWEBHOOKDTEST01",
        "ARCHIVE_SECRET_KEY": "0123456789abcdef0123456789abcdef01234567",
      ]
      try Visit.run(settings) { visit in
        visit.rules.otherOrigins = [bucket.endpoint]
        try visit.submit("lamp-1", model: "demo/image")
        try Self.awaitArchive(visit, "lamp-1", "complete")
        try visit.openJob("lamp-1")
        let sources = try Self.awaitPictures(visit)
        #expect(sources.allSatisfy { $0.hasPrefix(bucket.endpoint) || $0.hasPrefix(visit.origin) })
        #expect(bucket.requests.contains { $0.method == "GET" && $0.status == 200 })
      }
    }

    @Test func `a job that is open on the page shows its copy when it comes`() throws {
      try Visit.run(settings) { visit in
        visit.rules.expectedErrors = ["503"]
        let file: [String: Any] = ["$file": "image", "fault": "busy", "times": 3]
        try visit.submit("lamp-1", simulate: ["output": [file]])
        try visit.openJob("lamp-1")
        try visit.awaitText("not kept yet")
        try visit.browser.wait(for: "the copy", seconds: 30) { try visit.browser.text.contains("· kept, ") }
        _ = try Self.awaitPictures(visit)
        #expect(try !visit.browser.text.contains("not kept yet"))
      }
    }

    @Test func `a file that is not kept has its reason below it`() throws {
      try Visit.run(settings) { visit in
        visit.rules.expectedErrors = ["400"]
        let files: [[String: Any]] = [
          ["$file": "image", "fault": "redirect-away"], ["$file": "image"],
        ]
        try visit.submit("lamp-1", simulate: ["output": files])
        try Self.awaitArchive(visit, "lamp-1", "partial")
        visit.stopSimulator()
        defer { visit.continueSimulator() }
        try visit.openJob("lamp-1")
        try visit.awaitText("(redirect_refused)")
        try visit.awaitText("ARCHIVE_HOSTS")
        #expect(try visit.browser.element(.css("#job-details")).text.contains("1 kept"))
        #expect(try visit.browser.element(.css("#job-details")).text.contains("1 not kept"))
        for isDark in [false, true] {
          try visit.browser.emulate(isDark: isDark)
          #expect(try visit.browser.accessibilityViolations() == [])
        }
        // axe-core itself makes styles that the policy blocks.
        try visit.browser.open("about:blank")
      }
    }

    @Test func `a job that waits for its files shows that, and cannot be canceled`() throws {
      try Visit.run(settings) { visit in
        visit.rules.expectedErrors = ["503"]
        let file: [String: Any] = ["$file": "image", "fault": "busy", "times": 3]
        try visit.submit("lamp-1", simulate: ["output": [file]], ["archive": "required"])
        try visit.openJob("lamp-1")
        try visit.awaitText("Replicate has succeeded, and the files of the output are on their way")
        #expect(try !visit.browser.has(.role("button", "Cancel…")))
        try visit.browser.wait(for: "the end", seconds: 30) {
          try visit.browser.element(.css(".title .state")).text == "succeeded"
        }
        _ = try Self.awaitPictures(visit)
      }
    }

    @Test func `health shows what waits to be kept`() throws {
      try Visit.run(settings) { visit in
        try visit.submit("lamp-1", model: "demo/image")
        try Self.awaitArchive(visit, "lamp-1", "complete")
        try visit.open("?view=health")
        for card in ["files", "spool"] {
          _ = try visit.browser.element(.css("#health-\(card) .number"), seconds: 15)
        }
        #expect(try visit.browser.element(.css("#health-files .number")).text == "0")
        #expect(try !visit.browser.has(.css("#health-files.bad")))
      }
    }
  }
}
