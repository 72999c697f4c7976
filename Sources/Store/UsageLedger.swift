internal import Jobs

/// What came to an end on one day with one model.
package struct Usage: Equatable, Sendable {
  package var succeeded: Int64 = 0
  package var failed: Int64 = 0
  package var canceled: Int64 = 0
  package var lostWebhooks: Int64 = 0
  package var predictMilliseconds: Int64 = 0
  /// From the creation of the prediction to its start.
  package var queueMilliseconds: Int64 = 0
  /// From its start to its end.
  package var runMilliseconds: Int64 = 0
}

/// Sums up the ends of a transaction, and writes each sum once.
final class UsageLedger {
  private struct Account: Hashable {
    let day: Int64
    let model: String
  }

  private static let millisecondsPerDay: Int64 = 86_400_000

  private let add: Statement
  private var sums: [Account: Usage] = [:]

  init(_ connection: Connection) {
    add = Statement(
      """
      INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT DO UPDATE SET succeeded = succeeded + ?3, failed = failed + ?4, canceled = canceled + ?5,
        lost_webhooks = lost_webhooks + ?6, predict_milliseconds = predict_milliseconds + ?7,
        queue_milliseconds = queue_milliseconds + ?8, run_milliseconds = run_milliseconds + ?9
      """, on: connection)
  }

  func clear() { sums.removeAll(keepingCapacity: true) }

  /// - Parameter snapshot: what ended the job; nil where we did.
  func noteEnd(of job: Job, snapshot: Snapshot?) {
    add(1, job, snapshot)
  }

  /// Another job takes that end over, or another end replaces it, and will be noted. What the provider
  /// charges for is not kept with a job, so that stays.
  func takeBackEnd(of job: Job) {
    add(-1, job, job.snapshot.flatMap { $0.phase?.isTerminal == true ? $0 : nil })
  }

  private func add(_ count: Int64, _ job: Job, _ snapshot: Snapshot?) {
    var usage = Usage()
    switch job.phase {
    case .succeeded: usage.succeeded = count
    case .failed: usage.failed = count
    case .canceled: usage.canceled = count
    case .pending, .running: return
    }
    usage.lostWebhooks = job.endedUnheard ? count : 0
    usage.predictMilliseconds = count * (snapshot?.predictMilliseconds ?? 0)
    usage.queueMilliseconds = count * Self.span(from: snapshot?.createdAt, to: snapshot?.startedAt)
    usage.runMilliseconds = count * Self.span(from: snapshot?.startedAt, to: snapshot?.completedAt)
    sums[account(of: job), default: Usage()].add(usage)
  }

  /// A delivery has told of an end that had to be asked for. The job has not changed since that end.
  func noteHeardAfterAll(_ job: Job) {
    sums[account(of: job), default: Usage()].lostWebhooks -= 1
  }

  func write() throws(StoreError) {
    for (account, usage) in sums {
      try add.bind(1, account.day)
      try add.bind(2, account.model)
      try add.bind(3, usage.succeeded)
      try add.bind(4, usage.failed)
      try add.bind(5, usage.canceled)
      try add.bind(6, usage.lostWebhooks)
      try add.bind(7, usage.predictMilliseconds)
      try add.bind(8, usage.queueMilliseconds)
      try add.bind(9, usage.runMilliseconds)
      try add.run()
    }
    clear()
  }

  private func account(of job: Job) -> Account {
    Account(day: job.updatedAt.milliseconds / Self.millisecondsPerDay, model: job.model ?? "")
  }

  /// The provider's own backends disagree about times, so that a start may come before its creation: then nothing.
  private static func span(from start: Timestamp?, to end: Timestamp?) -> Int64 {
    guard let start, let end, start < end else { return 0 }
    return end.milliseconds - start.milliseconds
  }
}

extension Usage {
  /// Wraps around rather than traps: the provider's times are not ours to trust.
  package mutating func add(_ other: Usage) {
    succeeded += other.succeeded
    failed += other.failed
    canceled += other.canceled
    lostWebhooks += other.lostWebhooks
    predictMilliseconds &+= other.predictMilliseconds
    queueMilliseconds &+= other.queueMilliseconds
    runMilliseconds &+= other.runMilliseconds
  }
}
