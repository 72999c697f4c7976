import Ledger
import Foundation
import JobsAPI
import StoreSeam
import SimulatedAPI
import Simulation
import StoreFixture
import Testing

/// Apps that follow `/events`, and lose their connections at random.
///
/// Each keeps what it knows, and its cursor. At the end it must know the newest state of every job that its
/// filter includes, and no other job.
final class FeedConsumers {
  private let api: SimulatedAPI
  private let consumers: [FeedConsumer]
  private var jobCount = 0
  private(set) var findings: [String] = []
  private(set) var counts = Counts()

  struct Counts {
    var events = 0
    var deletions = 0
    var expired = 0
    var reconnects = 0
  }

  init(seed: UInt64) throws {
    api = try SimulatedAPI.withEvents(seed: seed)
    consumers = FeedConsumer.Form.allCases.flatMap { form in
      ["", "running", "failed"].map { FeedConsumer(form, state: $0) }
    }
  }

  func run() throws {
    for _ in 0..<60 {
      let count = Int.random(in: 1...5, using: &api.kernel.random)
      try api.commit((0..<count).map { _ in command() })
      if api.kernel.random.happens(onceIn: 12) { try api.prune() }
      if api.kernel.random.happens(onceIn: 3) { api.settle() }
      for consumer in consumers { step(consumer) }
      api.advance(by: .seconds(Int.random(in: 0...400, using: &api.kernel.random)))
    }
    try finish()
  }

  private func command() -> any LedgerCommand {
    let prediction = "p\(Int.random(in: 0...jobCount, using: &api.kernel.random))"
    jobCount = min(jobCount + 1, 40)
    guard !api.kernel.random.happens(onceIn: 4) else { return api.deletion(of: prediction) }
    let states = ["starting", "processing", "processing", "succeeded", "failed"]
    let state = states.randomElement(using: &api.kernel.random) ?? "starting"
    return api.delivery(of: prediction, state)
  }

  /// Reads what has come, and connects again where the connection has ended or is lost.
  private func step(_ consumer: FeedConsumer) {
    if let response = consumer.connection {
      take(response, by: consumer)
      guard api.kernel.random.happens(onceIn: 4) || consumer.hasEnded(response) else { return }
      api.kernel.reset(response.peer)
      consumer.connection = nil
      counts.reconnects += 1
    }
    guard api.kernel.random.happens(onceIn: 2) else { return }
    consumer.connection = api.send(consumer.target, fields: consumer.fields)
  }

  private func take(_ response: SimulatedResponse, by consumer: FeedConsumer) {
    switch response.status {
    case 200:
      let events = consumer.newEvents(in: response)
      counts.events += events.count
      counts.deletions += events.count { $0.name == "deleted" }
    case 410:
      counts.expired += 1
      consumer.beginAgain()
    case nil: return
    case let status?: findings.append("\(consumer.name) is answered \(status)")
    }
  }

  private func finish() throws {
    for consumer in consumers {
      if let response = consumer.connection { api.kernel.reset(response.peer) }
      // A cursor may have expired meanwhile. Then the next connection begins again.
      for _ in 0..<2 {
        let response = api.send(consumer.target, fields: consumer.fields)
        consumer.connection = response
        take(response, by: consumer)
      }
      let stored = try states(in: consumer.state)
      for id in Set(stored.keys).union(consumer.known.keys).sorted() where stored[id] != consumer.known[id] {
        findings.append(
          "\(consumer.name), \(id): the store has \(stored[id] ?? "nothing"), "
            + "and the consumer knows \(consumer.known[id] ?? "nothing")")
      }
    }
  }

  /// The time of each job's last change, by its id.
  private func states(in state: String) throws -> [String: String] {
    let filter = state.isEmpty ? "" : "&state=\(state)"
    let list = api.send("/jobs?limit=500\(filter)").text
    let object = try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [String: Any]
    let jobs = object?["jobs"] as? [[String: Any]] ?? []
    return Dictionary(uniqueKeysWithValues: jobs.compactMap(FeedConsumer.entry))
  }
}

/// One app: how it reads, and what it knows.
final class FeedConsumer {
  enum Form: CaseIterable {
    case pages
    case waitingPages
    case events
    case lines
  }

  private let form: Form
  let state: String
  private(set) var known: [String: String] = [:]
  private(set) var cursor: String?
  private var takenCount = 0

  var connection: SimulatedResponse? { didSet { takenCount = 0 } }

  init(_ form: Form, state: String) {
    self.form = form
    self.state = state
  }

  var name: String { "\(form) of \(state.isEmpty ? "all" : state)" }

  var target: String {
    var parameters = [state.isEmpty ? nil : "state=\(state)", cursor.map { "after=\($0)" }]
    if form == .waitingPages { parameters.append("wait=60s") }
    return "/events?" + parameters.compactMap(\.self).joined(separator: "&")
  }

  var fields: [String] {
    switch form {
    case .pages, .waitingPages: []
    case .events: ["Accept: text/event-stream"] + (cursor.map { ["Last-Event-ID: \($0)"] } ?? [])
    case .lines: ["Accept: application/x-ndjson"]
    }
  }

  func hasEnded(_ response: SimulatedResponse) -> Bool { response.isComplete || response.peer.isOver }

  func beginAgain() { (known, cursor) = ([:], nil) }

  typealias Change = (name: String, cursor: String, data: [String: Any])

  /// Applies what has come since the last call.
  func newEvents(in response: SimulatedResponse) -> [Change] {
    let all = changes(in: response)
    let new = Array(all.dropFirst(takenCount))
    takenCount = all.count
    for change in new {
      cursor = change.cursor
      guard let id = change.data["id"] as? String else { continue }
      known[id] = change.name == "job" ? Self.entry(change.data)?.1 : nil
    }
    return new
  }

  private func changes(in response: SimulatedResponse) -> [Change] {
    switch form {
    case .pages, .waitingPages:
      guard response.isComplete, let page = object(response.text) else { return [] }
      let events = (page["events"] as? [[String: Any]] ?? []).compactMap(change)
      return events + [("page", page["next"] as? String ?? "", [:])]
    case .events:
      return response.events.map { ($0.name, $0.id ?? "", $0.data.flatMap(object) ?? [:]) }
    case .lines:
      let lines = response.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      return lines.compactMap { object(String($0)).flatMap(change) }
    }
  }

  private func change(_ object: [String: Any]) -> Change? {
    guard let name = object["event"] as? String, let cursor = object["cursor"] as? String else { return nil }
    return (name, cursor, object["data"] as? [String: Any] ?? [:])
  }

  private func object(_ text: String) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
  }

  /// The id of a row, and what identifies its state.
  static func entry(_ row: [String: Any]) -> (String, String)? {
    guard let id = row["id"] as? String, let revision = row["revision"] as? Int,
      let state = row["state"] as? String
    else { return nil }
    return (id, "\(state) \(revision)")
  }
}

@Suite(.everyStore) struct FeedConsumerTests {
  @Test(arguments: 0..<10 as Range<UInt64>)
  func `a consumer that reconnects ends with the newest states`(_ seed: UInt64) throws {
    // A server takes longer for each.
    guard StoreKind.current == .sqlite || seed < 2 else { return }
    let consumers = try FeedConsumers(seed: seed)
    try consumers.run()
    #expect(consumers.findings.isEmpty, "seed \(seed): \(consumers.findings.joined(separator: "\n"))")
    #expect(consumers.counts.events > 100 && consumers.counts.reconnects > 50)
    #expect(consumers.counts.deletions > 0)
  }
}
