import LiveDaemon
import Foundation
import JSONText
import Testing

extension ProcessTests {
  /// One daemon receives every body that no sender should send.
  @Suite struct BadInputTests {
    @Test func everyBadBodyHasItsAnswerAndTheDaemonContinues() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      var connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
      for (index, input) in BadInput.all.enumerated() {
        let delivery = try SignedDelivery(id: "bad-\(index)", body: input.body)
        if case .refused(413, _) = input.answer {
          // It is rejected by its head, and the connection is closed.
          try connection.send(delivery.request.dropLast(input.body.count))
          #expect(try connection.receive().code == "body_too_large", "\(input.name)")
          connection = try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)
          continue
        }
        try connection.send(delivery.request)
        let answer = try connection.receive()
        switch input.answer {
        case .refused(let status, let code):
          #expect(answer.status == status && answer.code == code, "\(input.name): \(answer.text)")
        case .recorded(let id, _, let shown):
          #expect(answer.text == #"{"received":true,"duplicate":false}"#, "\(input.name): \(answer.text)")
          try expect(daemon, toShow: shown, of: id, after: input.name)
        }
      }
      try expectCounts(daemon)
      try expectEveryJobInTheList(daemon)
      #expect(try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "succeeded")).status == 200)
      #expect(try daemon.job("p")["state"] as? String == "succeeded")
      expectLog(daemon.logAfterStop())
      #expect(try SecurityPage.has("should send: \(BadInput.all.count) of them"), "\(BadInput.all.count)")
    }

    /// A rejected body does not use up its webhook id.
    ///
    /// A better body under the same id counts.
    @Test func aRejectedBodyDoesNotUseUpItsWebhookID() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      for _ in 0..<3 {
        let answer = try daemon.post(SignedDelivery(id: "m", body: Array(#"{"id":"p"}"#.utf8)))
        #expect(answer.status == 400 && answer.code == "missing_field")
        #expect(answer.text.contains("`status` must be a string of 1 to 64 bytes without control characters"))
      }
      #expect(try daemon.fetch("/jobs/p").status == 404)
      let better = try SignedDelivery(id: "m", prediction: "p", status: "succeeded")
      #expect(try daemon.post(better).text == #"{"received":true,"duplicate":false}"#)
      #expect(try daemon.fetch("/metrics").text.contains(#"refusals_total{code="missing_field"} 3"#))
      let lines = daemon.logAfterStop().split(separator: "\n").filter { $0.contains("code=missing_field") }
      #expect(lines.count == 3 && lines.allSatisfy { $0.contains("reason=\"`status` must be") })
    }
  }
}

// MARK: - The state afterwards

extension ProcessTests.BadInputTests {
  private func expect(_ daemon: Daemon, toShow shown: BadInput.Shown, of id: String, after name: String)
    throws
  {
    let answer = try daemon.fetch("/jobs/\(encoded(id))")
    // Proxies may read an encoded slash or dot in two ways: such a job is found in the list.
    guard !id.contains("/"), id != ".", id != ".." else {
      #expect(answer.status == 400 && answer.code == "malformed_request", "\(name)")
      return
    }
    #expect(answer.status == 200, "\(name): \(answer.text.prefix(500))")
    #expect(throws: Never.self, "\(name)") { try JSONScanner.validate(answer.body.span) }
    let written = quoted(id)
    let beginning = Array(#"{"id":"#.utf8) + written + Array(#","prediction_id":"#.utf8) + written
    #expect(answer.body.starts(with: beginning), "\(name): \(answer.text.prefix(500))")
    for text in shown.texts {
      #expect(answer.body.has(text), "\(name): \(answer.text.prefix(500)) has no \(text.count) bytes of text")
    }
    for text in shown.hidden { #expect(!answer.body.has(Array(text.utf8)), "\(name) shows \(text)") }
  }

  private func expectCounts(_ daemon: Daemon) throws {
    let metrics = try daemon.fetch("/metrics").text
    var counts: [String: Int] = [:]
    for input in BadInput.all {
      switch input.answer {
      case .refused(_, let code): counts[#"refusals_total{code="\#(code)"}"#, default: 0] += 1
      case .recorded(_, let outcome, _): counts[#"deliveries_total{outcome="\#(outcome)"}"#, default: 0] += 1
      }
    }
    #expect(counts.count == 7)
    for (name, count) in counts {
      #expect(metrics.contains("replicate_webhookd_\(name) \(count)\n"), "\(name) \(count)")
    }
    #expect(metrics.contains("commit_failures_total 0\n"))
  }

  private func expectEveryJobInTheList(_ daemon: Daemon) throws {
    var (ids, path): (Set<[UInt8]>, String?) = ([], "/jobs?limit=500")
    while let page = path {
      let body = try daemon.fetch(page).body
      let document = try JSONScanner.object(body.span)
      let found = document.value(named: "jobs", in: body.span)
      let list = try #require(found)
      for job in try JSONScanner.elements(list, in: body.span) {
        let id = try JSONScanner.object(job, in: body.span).value(named: "id", in: body.span)
        ids.insert(Array(body[try #require(id).range]))
      }
      let next = document.value(named: "next", in: body.span)
      path = next.map {
        "/jobs?limit=500&after=\(String(decoding: body[$0.range].dropFirst().dropLast(), as: UTF8.self))"
      }
    }
    var expected: Set<[UInt8]> = []
    for input in BadInput.all {
      if case .recorded(let id, _, _) = input.answer { expected.insert(quoted(id)) }
    }
    #expect(
      ids == expected, "\(ids.symmetricDifference(expected).map { String(decoding: $0, as: UTF8.self) })")
  }

  /// No body forges a log line, and none is quoted.
  private func expectLog(_ log: String) {
    let lines = log.split(separator: "\n")
    for line in lines {
      #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [a-z]+ +[ -~]+/) != nil, "\(line)")
    }
    #expect(
      lines.filter { $0.contains(" delivery bytes=") }.count == BadInput.all.count { $0.answer.isRecorded }
        + 1)
    let refusals = lines.filter {
      $0.contains(" refused ") && ($0.contains("=malformed_json") || $0.contains("=missing_field"))
    }
    let times = refusals.map { line in
      line.split(separator: " ").first { $0.hasPrefix("suppressed=") }.flatMap { Int($0.dropFirst(11)) } ?? 1
    }
    #expect(
      times.reduce(0, +)
        == BadInput.all.count { if case .refused(400, _) = $0.answer { true } else { false } })
    #expect(!log.contains("of this one") && !log.contains("the end"))
  }

  /// `id` as the API writes it.
  private func quoted(_ id: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.string(id)
    return writer.bytes
  }

  /// `id` with every special byte percent-encoded.
  private func encoded(_ id: String) -> String {
    id.utf8.map { byte in
      let isPlain = UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || byte == UInt8(ascii: "-")
      return isPlain ? String(Unicode.Scalar(byte)) : String(format: "%%%02X", byte)
    }.joined()
  }
}

extension BadInput.Answer {
  fileprivate var isRecorded: Bool {
    if case .recorded = self { true } else { false }
  }
}

extension [UInt8] {
  /// Whether it contains `text`; by Foundation's search, because these are megabytes.
  fileprivate func has(_ text: [UInt8]) -> Bool {
    Data(self).range(of: Data(text)) != nil
  }
}
