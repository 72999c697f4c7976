import Foundation
import LiveDaemon
import HTTPWire
import Testing

/// The real simulator over sockets, one per test, in sequence.
@Suite(.serialized) struct SimulatorProcessTests {
  private static let all = #""start","output","logs","completed""#

  @Test func sendsWebhooksFromStartToEnd() throws {
    let simulator = try SimulatorProcess(["--duration", "1200ms"])
    let receiver = try WebhookReceiver()
    let id = try simulator.create(
      "demo/tokens", input: #"{"n" : 1.50}"#, webhook: receiver.url + "?job=7", events: Self.all)
    _ = try simulator.settled(created: 1)
    let received = receiver.received
    #expect(received.allSatisfy { $0.isSigned && $0.path == "hook" })
    #expect(Set(received.map(\.id)).count == received.count)
    // A start; output and logs after 60, 600 and 1140 ms; an end.
    // On a busy machine they may arrive out of order.
    let statuses = received.map(\.status)
    #expect(statuses.sorted() == Array(repeating: "processing", count: 7) + ["succeeded"])
    for webhook in received {
      #expect(webhook.json["id"] as? String == id)
      #expect(webhook.json["webhook"] as? String == receiver.url + "?job=7")
      #expect(String(decoding: webhook.body, as: UTF8.self).contains(#""input":{"n" : 1.50}"#))
    }
    let last = try #require(received.first { $0.status == "succeeded" })
    let shown = try simulator.send("/v1/predictions/\(id)").text
    #expect(shown == String(decoding: last.body, as: UTF8.self) + "\n")
  }

  @Test func sendsNoLogsWithoutFilter() throws {
    let simulator = try SimulatorProcess(["--duration", "300ms"])
    let receiver = try WebhookReceiver()
    _ = try simulator.create("demo/hello", webhook: receiver.url)
    _ = try simulator.settled(created: 1)
    #expect(receiver.received.map(\.status).sorted() == ["processing", "succeeded"])
  }

  @Test func onlyTheEndIsRetried() throws {
    let simulator = try SimulatorProcess(["--duration", "100ms", "--retry-window", "6s"])
    // The end is rejected three times.
    let receiver = try WebhookReceiver { webhook, before in
      webhook.body.contains(Array(#""status":"succeeded""#.utf8)) && before == 3
        ? .ok : before == 0 ? .internalServerError : .notFound
    }
    _ = try simulator.create("demo/hello", webhook: receiver.url)
    let webhooks = try #require(try simulator.settled(created: 1)[0]["webhooks"] as? [String: Any])
    let received = receiver.received
    #expect(received.map(\.status).sorted() == ["processing"] + Array(repeating: "succeeded", count: 4))
    // One id per webhook; every attempt has its own timestamp and signature.
    #expect(Set(received.map(\.id)).count == 2 && received.allSatisfy(\.isSigned))
    #expect(webhooks["completed"] as? String == "acknowledged" && webhooks["failed"] as? Int == 1)
    #expect(webhooks["sent"] as? Int == 5)
  }

  @Test func abandonsEndAfterWindow() throws {
    let simulator = try SimulatorProcess(["--duration", "0s", "--retry-window", "1s"])
    let receiver = try WebhookReceiver { _, _ in .serviceUnavailable }
    _ = try simulator.create("demo/hello", webhook: receiver.url, events: #""completed""#)
    let webhooks = try #require(try simulator.settled(created: 1)[0]["webhooks"] as? [String: Any])
    #expect(webhooks["completed"] as? String == "failed")
    #expect((2...7).contains(receiver.received.count))
  }

  @Test func redirectIsNotRetried() throws {
    let simulator = try SimulatorProcess(["--duration", "0s"])
    let receiver = try WebhookReceiver { _, _ in .notModified }
    _ = try simulator.create("demo/hello", webhook: receiver.url, events: #""completed""#)
    let webhooks = try #require(try simulator.settled(created: 1)[0]["webhooks"] as? [String: Any])
    #expect(webhooks["completed"] as? String == "failed" && webhooks["sent"] as? Int == 1)
  }

  @Test func unreachableReceiverIsRetried() throws {
    let simulator = try SimulatorProcess(["--duration", "0s", "--retry-window", "2s"])
    _ = try simulator.create("demo/hello", webhook: "http://127.0.0.1:1/", events: #""completed""#)
    let webhooks = try #require(try simulator.settled(created: 1)[0]["webhooks"] as? [String: Any])
    #expect(try #require(webhooks["sent"] as? Int) > 1)
    #expect(webhooks["completed"] as? String == "failed")
  }

  @Test func waitRespondsWithEnd() throws {
    let simulator = try SimulatorProcess(["--duration", "200ms"])
    func create(_ duration: Int, wait: Int) throws -> SimulatorProcess.Answer {
      try simulator.send(
        "/v1/predictions",
        body: #"{"version":"demo/text","input":{"simulate":{"duration_ms":\#(duration)}}}"#,
        fields: ["Authorization: Token any", "Prefer: wait=\(wait)"])
    }
    let finished = try create(200, wait: 60)
    #expect(finished.status == 201 && finished.json["status"] as? String == "succeeded")
    let unfinished = try create(600_000, wait: 1)
    #expect(unfinished.status == 202 && unfinished.json["status"] as? String == "starting")
  }

  @Test func cancelingSendsWebhookAndKeepsState() throws {
    let simulator = try SimulatorProcess(["--duration", "20s"])
    let receiver = try WebhookReceiver()
    let id = try simulator.create("demo/hello", webhook: receiver.url, events: #""completed""#)
    let canceled = try simulator.send("/v1/predictions/\(id)/cancel", body: "")
    #expect(canceled.status == 200 && canceled.json["status"] as? String == "canceled")
    _ = try simulator.settled(created: 1)
    #expect(receiver.received.map(\.status) == ["canceled"])
    #expect(try simulator.send("/v1/predictions/\(id)/cancel", body: "").text == canceled.text)
  }

  @Test func deadlineAbortsUnstartedPrediction() throws {
    let simulator = try SimulatorProcess(["--duration", "10s"])
    let receiver = try WebhookReceiver()
    _ = try simulator.create("demo/cold", webhook: receiver.url, fields: ["Cancel-After: 5s"])
    let record = try simulator.settled(created: 1)[0]
    #expect(record["status"] as? String == "aborted")
    #expect(receiver.received.map(\.status) == ["aborted"])
    #expect(receiver.received[0].json["deadline"] != nil && receiver.received[0].json["started_at"] == nil)
  }

  @Test func rejectionsMatchReplicates() throws {
    let simulator = try SimulatorProcess(["--create-rate", "6", "--credit", "1"])
    let unauthenticated = try simulator.send("/v1/predictions", fields: [])
    #expect(unauthenticated.status == 401 && unauthenticated.json["title"] as? String == "Unauthenticated")
    #expect(unauthenticated.json["detail"] as? String == "You did not pass a valid authentication token")
    #expect(try simulator.send("/v1/predictions/none").status == 404)
    let id = try simulator.create("demo/hello")
    #expect(id.utf8.count == 26)
    let throttled = try simulator.send("/v1/predictions", body: #"{"version":"a/b","input":{}}"#)
    #expect(throttled.status == 429)
    let seconds = try #require(throttled.json["retry_after"] as? Int)
    #expect((1...10).contains(seconds))
    #expect(
      throttled.json["detail"] as? String
        == "Request was throttled. Your rate limit resets in ~\(seconds)s.")
  }

  @Test func withoutCreditNothingIsCreated() throws {
    let simulator = try SimulatorProcess(["--credit", "0"])
    let refused = try simulator.send("/v1/predictions", body: #"{"version":"a/b","input":{}}"#)
    #expect(refused.status == 402 && refused.json["title"] as? String == "Insufficient credit")
  }

  @Test func onlyTheTokenOfTheFileIsAccepted() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)")
    try Data("r8_one\n".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let simulator = try SimulatorProcess(["--api-token-file", file.path])
    #expect(try simulator.send("/v1/account", fields: ["Authorization: Bearer r8_one"]).status == 200)
    #expect(try simulator.send("/v1/account", fields: ["Authorization: Bearer r8_two"]).status == 401)
  }

  @Test func pagesListAllPredictions() throws {
    let simulator = try SimulatorProcess(["--create-rate", "100000", "--duration", "1h"])
    let ids = try (0..<250).map { _ in try simulator.create("demo/hello") }
    var (seen, pages): ([String], [[String: Any]]) = ([], [])
    var next: String? = "/v1/predictions"
    while let page = next {
      pages.append(try simulator.send(page).json)
      seen += (pages.last?["results"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
      next = pages.last?["next"] as? String
      try #require(pages.count < 10)
    }
    #expect(pages.count == 3 && seen == ids.reversed())
    let previous = try simulator.send(try #require(pages[2]["previous"] as? String)).json
    #expect(
      (previous["results"] as? [[String: Any]])?.compactMap { $0["id"] as? String }
        == ids.reversed()[100..<200].map { $0 })
    let middle = try #require(
      try simulator.send("/v1/predictions/\(ids[100])").json["created_at"] as? String)
    let later = try simulator.send("/v1/predictions?created_after=\(middle)").json
    #expect(((later["results"] as? [Any])?.count ?? 0) == 100)
    #expect(try simulator.send("/v1/predictions?created_before=2020-01-01T00:00:00Z").json["next"] is NSNull)
    for query in ["created_after=soon", "cursor=x", "cursor=b0", "cursor=a-9223372036854775808"] {
      #expect(try simulator.send("/v1/predictions?\(query)").status == 422)
    }
  }

  /// Replicate documents `webhook` for a single prediction, not for lists.
  @Test(arguments: [false, true])
  func listShowsWebhooksOnlyWithOption(_ hasOption: Bool) throws {
    let simulator = try SimulatorProcess(hasOption ? ["--list-webhooks"] : [])
    let url = "http://127.0.0.1:1/hook"
    let id = try simulator.create("demo/hello", webhook: url, events: #""completed""#)
    #expect(try simulator.send("/v1/predictions/\(id)").json["webhook"] as? String == url)
    let items = try simulator.send("/v1/predictions").json["results"] as? [[String: Any]]
    let item = try #require(items?.first)
    #expect(item["id"] as? String == id && item["webhook"] as? String == (hasOption ? url : nil))
    #expect((item["webhook_events_filter"] != nil) == hasOption)
  }

  @Test func evictsOldestEnded() throws {
    let simulator = try SimulatorProcess(["--duration", "0s", "--max-predictions", "5"])
    let ids = try (0..<8).map { number in
      let id = try simulator.create("demo/hello")
      _ = try simulator.settled(created: number + 1)
      return id
    }
    #expect(
      try ids.map { try simulator.send("/v1/predictions/\($0)").status } == [404, 404, 404] + [
        200, 200, 200, 200, 200,
      ])
  }

  @Test func rejectsCreationsWhileAllAreRunning() throws {
    let simulator = try SimulatorProcess(["--duration", "1h", "--max-predictions", "2"])
    _ = try (0..<2).map { _ in try simulator.create("demo/hello") }
    #expect(try simulator.send("/v1/predictions", body: #"{"version":"a/b","input":{}}"#).status == 503)
  }

  @Test func responsesAreDelayedAndContainPublicURL() throws {
    let simulator = try SimulatorProcess(["--latency", "300ms", "--public-url", "https://api.example.com/"])
    let start = ContinuousClock.now
    let id = try simulator.create("demo/hello")
    #expect(ContinuousClock.now - start >= .milliseconds(300))
    let urls = try simulator.send("/v1/predictions/\(id)").json["urls"] as? [String: String]
    #expect(urls?["get"] == "https://api.example.com/v1/predictions/\(id)")
  }

  @Test func signalShutsDownCleanly() throws {
    let simulator = try SimulatorProcess()
    // With a prediction running.
    _ = try simulator.create("demo/slow", webhook: "http://127.0.0.1:1/")
    #expect(simulator.stop() == 0)
  }

  @Test func addressInUseExitsWith69() throws {
    let first = try SimulatorProcess()
    let process = ChildProcess()
    process.executableURL = SimulatorProcess.program
    process.arguments = ["--quiet", "--listen", String(first.url.dropFirst("http://".count))]
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 69)
  }
}
