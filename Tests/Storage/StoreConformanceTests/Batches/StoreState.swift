import Jobs
@testable import Ledger
import StoreSeam
import StoreFixture
import Testing
import Time
import Work

/// Everything that the ledger can read from a store, but the change numbers.
struct StoreState {
  private var facts: [String: Fact] = [:]
  /// What is shown of each job, and the number of its last change.
  private(set) var shown: [Int64: (job: ShownJob, change: Int64)] = [:]
  /// The ids of all jobs in the feed.
  private(set) var listed: [String] = []
  private(set) var lastChange: Int64 = 0

  /// A value of any type, with its comparison.
  private struct Fact {
    let value: Any
    let equals: (Any) -> Bool

    init<Value: Equatable>(_ value: Value) {
      self.value = value
      equals = { ($0 as? Value) == value }
    }
  }

  /// The first difference. Nil for none.
  func difference(from other: StoreState) -> String? {
    for name in Set(facts.keys).union(other.facts.keys).sorted() {
      guard let left = facts[name], let right = other.facts[name] else { return "\(name) is in one only" }
      if !left.equals(right.value) { return "\(name): \(left.value)\n  but \(right.value)" }
    }
    return listed == other.listed ? nil : "the feed lists \(listed), not \(other.listed)"
  }

  init(of store: OrderedStore, jobs count: Int64) async throws {
    var keys = LedgerKeys.jobs(Array(1...count))
    keys.webhookIDs = RandomCommand.webhookIDs
    keys.predictionIDs = RandomCommand.predictions
    keys.jobIDs = RandomCommand.names
    keys.idempotencyKeys = RandomCommand.keys
    facts = try store.read(reading: keys) { (rows) throws(StorageError) in
      try Self.facts(of: rows, jobs: count)
    }
    var unlisted = try await store.jobCount()
    for entry in try await store.reader.changes(after: 0, limit: 1000) {
      #expect(entry.change > lastChange, "the feed is not in order")
      lastChange = entry.change
      guard let job = entry.job else { continue }
      unlisted -= 1
      listed.append(entry.id)
      let record = try #require(try await store.reader.job(job.id))
      // A job's own id takes precedence over the prediction of another.
      guard record.job.origin == job.origin else { continue }
      #expect(record.change == entry.change, "the feed lists another change of \(entry.id)")
      shown[record.number] = (ShownJob(record), record.change)
      facts["history of \(record.number)"] = Fact(try await store.history(job.id))
      facts["attempts of \(record.number)"] = Fact(record.attempts)
    }
    #expect(unlisted == 0, "the feed does not list every job once")
    listed.sort()
  }

  private static func facts(
    of rows: any StoredRows, jobs count: Int64
  ) throws(StorageError) -> [String: Fact] {
    var facts: [String: Fact] = [:]
    for number in 1...count {
      guard let row = try rows.job(number: number) else { continue }
      facts["job \(number)"] = Fact(row.version.job)
      facts["body \(number)"] = Fact(try rows.body(ofJob: number))
      facts["history length \(number)"] = Fact(try rows.historyLength(ofJob: number))
      facts["order \(number)"] = Fact(try rows.order(ofJob: number))
      facts["request \(number)"] = Fact(try rows.request(ofJob: number))
    }
    for id in RandomCommand.webhookIDs {
      let found = try rows.delivery(webhookID: id)
      facts["delivery \(id)"] = Fact(found.map { [$0.job.map { "\($0)" }, $0.digest?.hexadecimal] })
    }
    for id in RandomCommand.predictions {
      facts["prediction \(id)"] = Fact(try rows.job(ofPrediction: id)?.number ?? 0)
      facts["past prediction \(id)"] = Fact(try rows.job(ofPastPrediction: id) ?? 0)
      facts["deleted prediction \(id)"] = Fact(try rows.isDeleted(prediction: id))
    }
    for id in RandomCommand.names {
      facts["id \(id)"] = Fact(try rows.job(id: id)?.number ?? 0)
      facts["deleted id \(id)"] = Fact(try rows.isDeleted(job: id))
    }
    for key in RandomCommand.keys {
      facts["key \(key)"] = Fact(try rows.job(ofIdempotencyKey: key) ?? 0)
    }
    for name in ["a", "b"] { facts["value \(name)"] = Fact(try rows.key(name)) }
    for kind in [WorkKind.create, .search, .cancel, .poll] {
      facts["work \(kind.rawValue)"] = Fact(try rows.work(kind, dueAt: .distantFuture, limit: 1000))
      let unclaimed = try rows.work(kind, dueAt: .distantFuture, limit: 1000).count { $0.owner == nil }
      #expect(try rows.unclaimedCount(of: kind) == unclaimed)
      facts["unclaimed \(kind.rawValue)"] = Fact(try rows.unclaimedCount(of: kind))
    }
    return facts
  }
}
