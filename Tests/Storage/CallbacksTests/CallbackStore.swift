@testable import Callbacks
import ClientAddress
import HTTPClient
import Jobs
import Ledger
import StoreSeam
import StoreFixture
import Tables
import Testing
import Time
import Work

/// A store whose events are written to the outbox.
final class CallbackStore {
  let store: OrderedStore
  var rules: ReceiverRules

  static let lease: Int64 = 60_000
  static let tables = [CallbackTable.declaration, TargetTable.declaration]

  /// - Parameters:
  ///   - url: `CALLBACK_URL`.
  ///   - hosts: `CALLBACK_HOSTS`.
  init(url: String? = "https://app.example.com/hook", hosts: String = "") throws {
    rules = try Self.rules(url: url, hosts: hosts)
    let hook = CallbackHook(hasURL: rules.shared != nil, acceptsTargets: !rules.hosts.isEmpty)
    store = try OrderedStore(tables: Self.tables, hooks: [hook], retainingKinds: CallbackWork.all)
  }

  static func rules(url: String?, hosts: String) throws -> ReceiverRules {
    ReceiverRules(
      shared: try url.map { Receiver(url: try HTTPURL($0), addresses: .everyAddress) },
      hosts: try AllowedHosts(parsing: hosts))
  }

  /// All rows of the outbox, in the order of their jobs and events.
  func rows() async throws -> [CallbackRow] {
    try await store.reader.rows(TableQuery(CallbackTable.declaration, limit: 1000)).map {
      try #require(CallbackRow($0))
    }
  }

  /// Each event as `<job> <type> <state>`, without the common part of its type.
  func events() async throws -> [String] {
    try await rows().map {
      "\($0.jobID) \($0.type.name.dropFirst($0.type.subjectKind.utf8.count + 1)) \($0.state.rawValue)"
    }
  }

  /// The number of a chain, which is no job.
  static func number(of chain: String) -> Int64 {
    Announcement.number(of: chain, madeAt: Timestamp(milliseconds: 7))
  }

  static func announcement(
    _ type: String = "chain.succeeded", of chain: String = "c1", revision: Int64 = 3, at now: Timestamp,
    callback: Order.Callback? = nil
  ) -> Announcement {
    Announcement(
      number: number(of: chain), revision: revision, type: type, subject: chain,
      madeAt: Timestamp(milliseconds: 7), occurredAt: now, callback: callback)
  }

  func announce(
    _ type: String = "chain.succeeded", of chain: String = "c1", revision: Int64 = 3,
    callback: Order.Callback? = nil
  ) throws {
    let event = Self.announcement(type, of: chain, revision: revision, at: store.now, callback: callback)
    try store.commit { (transaction) throws(StorageError) in transaction.announce(event) }
  }

  func withdraw(_ chain: String) throws {
    try store.commit { (transaction) throws(StorageError) in
      transaction.withdrawAnnouncements(of: Self.number(of: chain))
    }
  }

  /// Claims what is due.
  func claim(limit: Int = 100, room: @escaping (String) -> Int = { _ in 100 }) throws -> ClaimedCallbacks {
    let (now, rules) = (store.now, rules)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.claimCallbacks(
        at: now, until: now.advanced(byMilliseconds: Self.lease), limit: limit, rules: rules, room: room)
    }
  }

  /// Claims the only event that is due.
  func claimOne() throws -> CallbackClaim {
    let claims = try claim().claims
    #expect(claims.count == 1)
    return try #require(claims.first)
  }

  @discardableResult
  func finish(_ claim: CallbackClaim, _ outcome: CallbackOutcome) throws -> CallbackResult {
    let now = store.now
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.finishCallback(claim, outcome, at: now, jitter: 0)
    }
  }

  @discardableResult
  func retry(_ id: String) throws -> RetryResult {
    let now = store.now
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.retryCallback(id, at: now)
    }
  }

  /// The due times of the pending events, relative to now. Nil for one that waits for another.
  func waits() throws -> [Int64?] {
    try CallbackWork.kinds.flatMap { try store.work($0) }
      .sorted { ($0.key.job, $0.revision) < ($1.key.job, $1.revision) }
      .map { $0.dueAt == .distantFuture ? nil : max(0, $0.dueAt.milliseconds - store.now.milliseconds) }
  }
}

extension CallbackOutcome {
  static var ok: CallbackOutcome { .accepted(status: 200) }

  static func status(_ status: Int, retryAfter: Int64? = nil) -> CallbackOutcome {
    .refused(CallbackFailure(status: status, reason: "answered \(status)"), retryAfter: retryAfter)
  }
}
