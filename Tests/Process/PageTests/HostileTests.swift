import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// What others write stays text: in every place of every view, for every payload of a table.
  @Suite struct HostileTests {
    /// Elements and attributes that only a payload would bring into the page.
    private static let intruders = """
      const isForeign = (element) => element.matches(
        "body script:not([type=module]), iframe, frame, object, embed, base, meta[http-equiv], link:not([rel=icon])") ||
        element.getAttributeNames().some((name) => name.startsWith("on")) ||
        (element.href && !/^(?:https?:|data:,$|#)/.test(element.href.baseVal ?? element.href));
      return [...document.querySelectorAll("*")].filter(isForeign).map((element) => element.outerHTML.slice(0, 200));
      """

    private static func checkDocument(_ visit: Visit, _ payload: HostilePayload) throws {
      let intruders = try visit.browser.run(Self.intruders) as? [String]
      #expect(intruders == [], "\(payload.name)")
      #expect(try visit.browser.policyViolations == [], "\(payload.name)")
      let hasRun = try visit.browser.run("return window.payloadHasRun === true;") as? Bool
      #expect(hasRun == false, "\(payload.name)")
      #expect(visit.outside.connectionCount == 0, "\(payload.name)")
    }

    /// A prediction with the payload wherever it can be.
    private static func prediction(_ id: String, _ status: String, _ text: String) -> [String: Any] {
      [
        "id": id, "status": status, "model": "demo/hello", "version": text,
        "input": ["prompt": text, text: [text, [text: text]]],
        "output": status == "succeeded" ? [text, [text: text]] as [Any] : NSNull(),
        "error": status == "failed" ? text : NSNull(), "logs": "\(text)\n\(text)", "metrics": [text: 1],
        "urls": ["web": text, "get": text],
      ]
    }

    @Test func `a payload stays text in the view of a job`() throws {
      try Visit.run { visit in
        let outside = "http://127.0.0.1:\(visit.outside.port)"
        let payloads = HostilePayload.all(outside: outside, allowed: visit.simulator.url)
        for (number, payload) in payloads.enumerated() {
          for status in ["succeeded", "failed"] {
            let id = "\(status)-\(number)"
            try visit.deliver(Self.prediction(id, status, payload.text))
            try visit.openJob(id)
            try visit.awaitText(status)
            try Self.checkDocument(visit, payload)
          }
        }
      }
    }

    @Test func `a payload stays text in the list of jobs`() throws {
      try Visit.run { visit in
        let outside = "http://\(Browser.outsideHost):\(visit.outside.port)"
        let payloads = HostilePayload.all(outside: outside, allowed: visit.simulator.url)
        for (number, payload) in payloads.enumerated() where payload.text.utf8.count < 500 {
          try visit.submit("job-\(number)", metadata: ["note": payload.text, "user": "7"])
        }
        try visit.open()
        try visit.awaitText("<script>window.payloadHasRun=true</script>")
        try Self.checkDocument(visit, payloads[0])
        for payload in payloads where payload.text.utf8.count < 500 {
          let query = URLComponents.query(["model": payload.text, "metadata.note": payload.text])
          try visit.open("?\(query)")
          _ = try visit.browser.element(.css("main h1"))
          try Self.checkDocument(visit, payload)
        }
      }
    }
  }
}

extension URLComponents {
  /// A query with everything but letters and digits percent-encoded.
  static func query(_ parameters: KeyValuePairs<String, String>) -> String {
    parameters.map { name, value in
      "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
    }.joined(separator: "&")
  }
}
