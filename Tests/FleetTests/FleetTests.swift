import Foundation
import LiveDaemon
import Testing

/// Tests that start processes, one after the other.
@Suite(.serialized) struct FleetTests {
  /// `FLEET_JOBS` says how many jobs there are.
  static let size = ProcessInfo.processInfo.environment["FLEET_JOBS"].flatMap { Int($0) } ?? 1000

  /// Webhooks are lost, doubled and overtaken, calls fail before and after they had their effect, and the daemon is killed:
  /// each job is made once, and ends as its prediction did.
  @Test func everyJobEndsAsItsPredictionDidAndNoneIsMadeTwice() throws {
    let station = try Station(
      [
        "--lose", "0.2", "--duplicate", "0.2", "--reorder", "0.2", "--api-errors", "0.1", "--duration",
        "300ms", "--retry-window", "3s", "--create-rate", "60000",
      ])
    let placing = Placing(Self.size, to: station.apiPort, body: Self.request)
    let start = try killTheDaemon(of: station, during: placing)
    try station.wait("every job is placed", seconds: 60) { placing.now.running == 0 }
    #expect(placing.now.refusals.isEmpty)
    let jobs = placing.now.jobs
    #expect(jobs.count == Self.size && Set(jobs.values).count == Self.size)
    try station.wait("every prediction is made and has ended", seconds: 120) {
      let overview = try station.simulator.overview(limit: 0)
      return overview.created >= Self.size && overview.isSettled
    }
    let courses = try Course.all(of: Array(jobs.values), askedOf: station)
    try examine(courses, station, lastStart: start)
  }

  /// - Returns: when the last daemon was started.
  private func killTheDaemon(of station: Station, during placing: Placing) throws -> Date {
    // Three times while jobs come in, and predictions are made and end; then while the last are made; then when all are.
    let moments = (0..<3).map { _ in Int.random(in: Self.size / 20...Self.size * 9 / 10) }.sorted()
    for moment in moments {
      try station.wait("\(moment) jobs", seconds: 60) { placing.now.jobs.count >= moment }
      try station.replaceDaemon()
    }
    try station.wait("all jobs", seconds: 60) { placing.now.running == 0 }
    try station.replaceDaemon()
    try station.wait("most predictions", seconds: 120) {
      try station.simulator.overview(limit: 0).created >= Self.size * 9 / 10
    }
    station.daemon.killAtOnce()
    let start = Date()
    try station.replaceDaemon()
    return start
  }

  private func examine(_ courses: [Course], _ station: Station, lastStart: Date) throws {
    let predictions = try station.simulator.overview().predictions
    #expect(predictions.filter { $0.createCount != 1 }.map(\.webhook) == [])
    #expect(predictions.count == Self.size)
    let byJob = Dictionary(predictions.map { ($0.job ?? "", $0) }) { first, _ in first }
    var lost = 0
    for course in courses {
      let prediction = try #require(byJob[course.id], "\(course.id) has no prediction")
      #expect(course.prediction == prediction.id)
      #expect(
        course.state == (prediction.status == "aborted" ? "canceled" : prediction.status), "\(course.id)")
      switch prediction.completed {
      case "acknowledged": #expect(course.heardOfItsEnd, "\(course.id): an acknowledged webhook is not there")
      case "lost": #expect(!course.heardOfItsEnd)
      // Not acknowledged, and yet heard, if the daemon was killed right before its answers.
      case "failed": break
      default: Issue.record("\(course.id) ended without a webhook: \(prediction.completed)")
      }
      if !course.heardOfItsEnd {
        lost += 1
        #expect(course.wasAskedFor)
      }
    }
    let days = try Caller(station.apiPort).get("/usage")["days"] as? [[String: Any]] ?? []
    let sum = { (name: String) in days.reduce(0) { $0 + ($1[name] as? Int ?? 0) } }
    #expect(sum("lost_webhooks") == lost)
    for state in ["succeeded", "failed", "canceled"] {
      #expect(sum(state) == courses.count { $0.state == state })
    }
    let asked = courses.count { $0.wasAskedFor && $0.endedAt >= lastStart }
    #expect(try station.metric("lost_webhooks_total") == asked)
    print(
      "fleet: \(courses.count) jobs, \(lost) lost ends, \(courses.count { $0.wasAskedFor }) asked for"
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

/// What became of a job, by its history.
struct Course {
  let id: String
  let prediction: String
  let state: String
  /// What told of its end first.
  private(set) var endSource = ""
  /// Its end was polled for, or found in the list.
  var wasAskedFor: Bool { ["poll", "list"].contains(endSource) }
  private(set) var endedAt = Date.distantPast
  /// A delivery has told of its end, first or later.
  private(set) var heardOfItsEnd = false

  private static let ends: Set<String> = ["succeeded", "failed", "canceled", "aborted"]

  /// When all of them have ended, and nothing more is asked.
  static func all(of jobs: [String], askedOf station: Station) throws -> [Course] {
    try station.wait("every job has ended", seconds: 120) {
      let caller = try Caller(station.apiPort)
      return try ["pending", "running", "stale"].allSatisfy { state in
        (try caller.get("/jobs?state=\(state)&limit=1")["jobs"] as? [Any])?.isEmpty ?? false
      }
    }
    let caller = try Caller(station.apiPort)
    return try jobs.map { try Course($0, caller) }
  }

  private init(_ id: String, _ caller: Caller) throws {
    let job = try caller.get("/jobs/\(id)")
    self.id = id
    prediction = job["prediction_id"] as? String ?? ""
    state = job["state"] as? String ?? ""
    let history = try caller.get("/jobs/\(id)/history?limit=1000")["deliveries"] as? [[String: Any]] ?? []
    for row in history where Self.ends.contains(row["provider_status"] as? String ?? "") {
      let source = row["source"] as? String ?? ""
      if source == "webhook" { heardOfItsEnd = true }
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
