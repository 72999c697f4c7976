import Foundation
import LiveDaemon
import Testing

/// Tests that start processes, run one at a time.
@Suite(.serialized) struct FleetTests {
  /// The number of jobs, set by `FLEET_JOBS`.
  static let size = ProcessInfo.processInfo.environment["FLEET_JOBS"].flatMap { Int($0) } ?? 1000

  /// How long the last jobs may take, in seconds.
  ///
  /// A call without an answer is searched for up to a minute later. The list has ten pages, each fails with a
  /// chance of 0.1, and is then retried after a second or more.
  fileprivate static let settlingSeconds = 300

  /// A load with webhook faults, failing calls and kills of the daemon.
  ///
  /// Webhooks are lost, duplicated and reordered.
  ///
  /// Calls fail before and after they took effect. Each job is created once, and ends as its prediction did.
  @Test func everyJobEndsAsItsPredictionDidAndIsCreatedOnce() throws {
    let station = try Station(
      [
        "--lose", "0.2", "--duplicate", "0.2", "--reorder", "0.2", "--api-errors", "0.1", "--duration",
        "300ms", "--retry-window", "3s", "--create-rate", "60000",
      ])
    let submitter = Submitter(Self.size, to: station.apiPort, body: Self.request)
    let start = try killTheDaemon(of: station, during: submitter)
    try wait("every job is submitted", seconds: 60) { submitter.now.running == 0 }
    #expect(submitter.now.refusals.isEmpty)
    let jobs = submitter.now.jobs
    #expect(jobs.count == Self.size && Set(jobs.values).count == Self.size)
    try wait("every prediction is made and has ended", seconds: Self.settlingSeconds) {
      let overview = try station.simulator.overview(limit: 0)
      return overview.created >= Self.size && overview.isSettled
    }
    let outcomes = try JobOutcome.all(of: Array(jobs.values), from: station)
    try examine(outcomes, station, lastStart: start)
  }

  /// - Returns: when the last daemon was started.
  private func killTheDaemon(of station: Station, during submitter: Submitter) throws -> Date {
    // Three times while jobs come in and predictions end, then twice while the last predictions are created.
    let moments = (0..<3).map { _ in Int.random(in: Self.size / 20...Self.size * 9 / 10) }.sorted()
    for moment in moments {
      try wait("\(moment) jobs", seconds: 60) { submitter.now.jobs.count >= moment }
      try station.replaceDaemon()
    }
    try wait("all jobs", seconds: 60) { submitter.now.running == 0 }
    try station.replaceDaemon()
    try wait("most predictions", seconds: Self.settlingSeconds) {
      try station.simulator.overview(limit: 0).created >= Self.size * 9 / 10
    }
    station.daemon.killAtOnce()
    let start = Date()
    try station.replaceDaemon()
    return start
  }

  private func examine(_ outcomes: [JobOutcome], _ station: Station, lastStart: Date) throws {
    let predictions = try station.simulator.overview().predictions
    #expect(predictions.filter { $0.createCount != 1 }.map(\.webhook) == [])
    #expect(predictions.count == Self.size)
    let byJob = Dictionary(predictions.map { ($0.job ?? "", $0) }) { first, _ in first }
    var lost = 0
    for outcome in outcomes {
      let prediction = try #require(byJob[outcome.id], "\(outcome.id) has no prediction")
      #expect(outcome.prediction == prediction.id)
      #expect(
        outcome.state == (prediction.status == "aborted" ? "canceled" : prediction.status), "\(outcome.id)")
      switch prediction.completed {
      case "acknowledged":
        #expect(outcome.endWasDelivered, "\(outcome.id): an acknowledged webhook is not there")
      case "lost": #expect(!outcome.endWasDelivered)
      // Not acknowledged, but recorded if the daemon was killed right before its answers.
      case "failed": break
      default: Issue.record("\(outcome.id) ended without a webhook: \(prediction.completed)")
      }
      if !outcome.endWasDelivered {
        lost += 1
        #expect(outcome.wasFoundByPolling)
      }
    }
    let days = try Caller(station.apiPort).get("/usage")["days"] as? [[String: Any]] ?? []
    let sum = { (name: String) in days.reduce(0) { $0 + ($1[name] as? Int ?? 0) } }
    #expect(sum("lost_webhooks") == lost)
    for state in ["succeeded", "failed", "canceled"] {
      #expect(sum(state) == outcomes.count { $0.state == state })
    }
    let polled = outcomes.count { $0.wasFoundByPolling && $0.endedAt >= lastStart }
    #expect(try station.metric("lost_webhooks_total") == polled)
    print(
      "fleet: \(outcomes.count) jobs, \(lost) lost ends, \(outcomes.count { $0.wasFoundByPolling }) polled"
    )
  }

  @Sendable private static func request(_ number: Int) -> String {
    let ends = [
      #"{"simulate":{"end":"failed","error":"no luck"}}"#, #"{"simulate":{"end":"canceled"}}"#,
      #"{"simulate":{"end":"aborted"}}"#, #"{"prompt":"a fox"}"#,
    ]
    let models = ["demo/hello", "demo/text", "demo/tokens", "demo/instant"]
    return #"{"model":"\#(models[number % 4])","input":\#(ends[min(number / 4 % 16, 3)])}"#
  }
}

/// How a job ended, from its history.
struct JobOutcome {
  let id: String
  let prediction: String
  let state: String
  /// The source that its end was first known from.
  private(set) var endSource = ""
  /// Whether its end was found by a poll or in the list.
  var wasFoundByPolling: Bool { ["poll", "list"].contains(endSource) }
  private(set) var endedAt = Date.distantPast
  /// Whether a delivery of its end was recorded, first or later.
  private(set) var endWasDelivered = false

  private static let ends: Set<String> = ["succeeded", "failed", "canceled", "aborted"]

  /// The outcomes of `jobs`, once every job has ended.
  static func all(of jobs: [String], from station: Station) throws -> [JobOutcome] {
    try wait("every job has ended", seconds: FleetTests.settlingSeconds) {
      let caller = try Caller(station.apiPort)
      return try ["pending", "running", "stale"].allSatisfy { state in
        (try caller.get("/jobs?state=\(state)&limit=1")["jobs"] as? [Any])?.isEmpty ?? false
      }
    }
    let caller = try Caller(station.apiPort)
    return try jobs.map { try JobOutcome($0, caller) }
  }

  private init(_ id: String, _ caller: Caller) throws {
    let job = try caller.get("/jobs/\(id)")
    self.id = id
    prediction = job["prediction_id"] as? String ?? ""
    state = job["state"] as? String ?? ""
    let history = try caller.get("/jobs/\(id)/history?limit=1000")["deliveries"] as? [[String: Any]] ?? []
    for row in history where Self.ends.contains(row["provider_status"] as? String ?? "") {
      let source = row["source"] as? String ?? ""
      if source == "webhook" { endWasDelivered = true }
      guard endSource.isEmpty else { continue }
      endSource = source
      endedAt = Self.time(row["received_at"] as? String ?? "")
    }
  }

  private static func time(_ text: String) -> Date {
    let format = ISO8601DateFormatter()
    format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    return format.date(from: text) ?? .distantPast
  }
}
