import JSONText
@testable import Replicate
import Testing

@testable import replicate_simulator

/// Prediction documents, parsed by the daemon's own parser.
@Suite struct DocumentTests {
  private static let beginning = Instant(nanoseconds: 1_764_000_000_123_456_789)
  private static let input = Array(#"{"seed":1.50e2,  "prompt" : "é\u00e9","num_outputs":3 }"#.utf8)

  private func facts(_ model: String, ordinal: Int = 1) -> PredictionFacts {
    PredictionFacts(
      ordinal: ordinal, id: Identifiers(run: 3).prediction(ordinal), model: model, version: "hidden",
      deployment: nil, input: Self.input, webhook: "https://example.com/hook?job=1",
      webhookEvents: [.completed, .logs], outputKey: "thekey")
  }

  /// The bodies after creation and after every change.
  private func bodies(_ model: String, _ change: (inout Behaviour) -> Void = { _ in }) -> [[UInt8]] {
    var behaviour = Models.builtIn.behaviour(of: model, duration: .seconds(2))
    change(&behaviour)
    var lifecycle = PredictionLifecycle(behaviour, createdAt: Self.beginning)
    var bodies = [document(model, lifecycle).bytes]
    while let due = lifecycle.nextChangeAt, lifecycle.advance(to: due) != nil {
      bodies.append(document(model, lifecycle).bytes)
    }
    return bodies
  }

  private func document(_ model: String, _ lifecycle: PredictionLifecycle) -> PredictionDocument {
    PredictionDocument(
      facts: facts(model), lifecycle: lifecycle, publicURL: "http://a", outputBase: "https://files.example")
  }

  private func member(_ name: String, of body: [UInt8]) throws -> String? {
    try JSONScanner.object(body.span).value(named: name, in: body.span).map {
      String(decoding: $0.bytes(in: body.span), as: UTF8.self)
    }
  }

  @Test(arguments: Preset.all.map(\.model))
  func everySnapshotIsAPrediction(_ model: String) throws {
    let bodies = bodies(model)
    var lastLogs = 0
    for body in bodies {
      let prediction = try Prediction(body: body.span)
      #expect(prediction.id.utf8.count == 26 && prediction.model == model)
      #expect(prediction.createdAt != nil)
      #expect(try member("input", of: body) == String(decoding: Self.input, as: UTF8.self))
      #expect(try member("webhook_events_filter", of: body) == #"["completed","logs"]"#)
      let logs = prediction.logs?.range.count ?? 0
      #expect(logs >= lastLogs)
      lastLogs = logs
    }
    let (first, last) = (try #require(bodies.first), try #require(bodies.last))
    let beginning = try Prediction(body: first.span)
    #expect(beginning.status == "starting")
    let end = try Prediction(body: last.span)
    #expect(end.startedAt != nil && end.completedAt != nil && end.metrics != nil)
    #expect((end.status == "failed") == (end.errorText != nil))
  }

  @Test(arguments: [
    ("demo/text", #""Hello from the simulator""#), ("demo/null", "null"), ("demo/fail", "null"),
  ])
  func outputAppearsAtTheEnd(_ model: String, _ output: String) throws {
    let bodies = bodies(model)
    for body in bodies.dropLast() { #expect(try member("output", of: body) == "null") }
    #expect(try member("output", of: #require(bodies.last)) == output)
  }

  @Test func tokensAppearOneByOne() throws {
    let outputs = try bodies("demo/tokens").map { try #require(try member("output", of: $0)) }
    #expect(outputs.first == "null" && outputs[2] == #"["A"]"# && outputs[3] == #"["A"," stand"]"#)
    #expect(outputs.last?.hasSuffix(#"" say","."]"#) == true)
  }

  @Test func overriddenOutputIsKeptByteForByte() throws {
    let input = Array(#"{"simulate":{"output":{"a" : 1.0}}}"#.utf8)
    let overrides = try BehaviourOverrides(input: input.span)
    let body = try #require(bodies("demo/hello") { overrides.apply(to: &$0) }.last)
    #expect(try member("output", of: body) == #"{"a" : 1.0}"#)
  }

  @Test(arguments: [
    ("demo/hello", ["out-0.png"]), ("demo/image", ["out-0.png", "out-1.png", "out-2.png"]),
    ("demo/object", ["out-0.png", "out-1.png"]), ("demo/audio", ["out-0.wav"]), ("demo/svg", ["out-0.svg"]),
    ("demo/video", ["out-0.mp4"]),
    ("demo/document", ["out-0.txt"]), ("demo/text", []),
  ])
  func filesAreThoseOfTheOutput(_ model: String, _ names: [String]) throws {
    var lifecycle = PredictionLifecycle(
      Models.builtIn.behaviour(of: model, duration: .seconds(2)), createdAt: Self.beginning)
    let candidates = [
      "out-0.png", "out-1.png", "out-2.png", "out-3.png", "out-0.wav", "out-0.svg", "out-0.mp4",
      "out-0.txt",
    ]
    func isThere(_ name: String) -> Bool { document(model, lifecycle).file(named: name) != nil }
    while let due = lifecycle.nextChangeAt {
      #expect(candidates.allSatisfy { !isThere($0) }, "a file is there before the end")
      _ = lifecycle.advance(to: due)
    }
    #expect(candidates.filter(isThere) == names)
    let output = try #require(try member("output", of: document(model, lifecycle).bytes))
    for name in names { #expect(output.contains("https://files.example/xezq/thekey/\(name)\"")) }
    var removed = document(model, lifecycle)
    removed.isDataRemoved = true
    #expect(candidates.allSatisfy { removed.file(named: $0) == nil })
  }

  @Test func removedDataIsNoLongerShown() throws {
    let body = try #require(bodies("demo/hello").last)
    #expect(try member("data_removed", of: body) == "false")
    var lifecycle = PredictionLifecycle(
      Models.builtIn.behaviour(of: "demo/hello", duration: .seconds(2)), createdAt: Self.beginning)
    while let due = lifecycle.nextChangeAt { _ = lifecycle.advance(to: due) }
    var document = document("demo/hello", lifecycle)
    document.isDataRemoved = true
    let expected = ["data_removed": "true", "output": "null", "input": "{}", "logs": #""""#]
    for (name, value) in expected { #expect(try member(name, of: document.bytes) == value) }
    #expect(try member("status", of: document.bytes) == #""succeeded""#)
  }

  @Test func metricsReportElapsedTimes() throws {
    let body = try #require(bodies("demo/hello").last)
    #expect(try member("metrics", of: body) == #"{"predict_time":2,"total_time":2.2}"#)
    let aborted = try #require(bodies("demo/hello") { $0.ending = .aborted }.last)
    #expect(try member("metrics", of: aborted) == #"{"total_time":0.2}"#)
  }

  @Test func timesHaveFractionsOfSeveralLengths() throws {
    let body = try #require(bodies("demo/hello").last)
    let times = try ["created_at", "started_at", "completed_at"].map {
      try #require(try member($0, of: body))
    }
    #expect(
      times == [
        #""2025-11-24T16:00:00.123456Z""#, #""2025-11-24T16:00:00.323456789Z""#,
        #""2025-11-24T16:00:02.32345Z""#,
      ])
  }

  @Test func longLogsAreLong() throws {
    let body = try #require(bodies("demo/logs").last)
    #expect((900_000...1_200_000).contains(body.count))
  }

  @Test func idsDifferByRunAndByOrdinal() {
    let ids = (0..<200).flatMap { run in (1...50).map { Identifiers(run: UInt64(run)).prediction($0) } }
    #expect(Set(ids).count == ids.count)
    let webhooks = (0..<20).map { Identifiers(run: 1).webhook(1, $0) }
    #expect(Set(webhooks).count == 20)
  }
}

extension Models {
  func behaviour(of model: String, duration: Duration) -> Behaviour {
    ModelName(model).map { behaviour(of: $0, duration: duration) }
      ?? Behaviour(queue: .zero, duration: duration)
  }
}
