internal import Jobs
internal import SQLite
internal import Time

/// Sums the ends of a transaction, and writes each sum once.
final class UsageLedger {
  private struct Account: Hashable {
    let day: Int64
    let model: String
  }

  /// The maximum of a sum, at which it saturates.
  ///
  /// An integer that overflows would become a REAL (https://www.sqlite.org/datatype3.html). A column of a
  /// STRICT table rejects that, and every later end of that model would fail with it.
  static let maxSum: Int64 = 1 << 62
  /// The maximum of models with their own row on one day.
  ///
  /// Others are summed as ``otherModels``.
  static let maxModelsPerDay = 1000
  static let otherModels = "other"
  /// The maximum length of a model's name, in bytes. Models with longer names are summed as ``otherModels``.
  private static let maxModelNameBytes = 255

  private let add: Statement
  private let exists: Statement
  private let countModels: Statement
  /// The models known to have a row on the latest day.
  private var known: (day: Int64, models: Set<String>) = (0, [])
  private var sums: [Account: Usage] = [:]

  init(_ connection: Connection) {
    add = Statement(
      """
      INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT DO UPDATE SET succeeded = succeeded + ?3, failed = failed + ?4, canceled = canceled + ?5,
        lost_webhooks = lost_webhooks + ?6, predict_milliseconds = \(Self.sum("predict_milliseconds", "?7")),
        queue_milliseconds = \(Self.sum("queue_milliseconds", "?8")),
        run_milliseconds = \(Self.sum("run_milliseconds", "?9"))
      """, on: connection)
    exists = Statement("SELECT 1 FROM usage WHERE day = ? AND model = ?", on: connection)
    countModels = Statement("SELECT count(*) FROM usage WHERE day = ?", on: connection)
  }

  /// An SQL sum clamped to 0 and ``maxSum``, for any values of the column.
  private static func sum(_ column: String, _ parameter: String) -> String {
    "max(0, min(\(maxSum), min(\(column), \(maxSum)) + \(parameter)))"
  }

  func clear() { sums.removeAll(keepingCapacity: true) }

  /// Discards the known models, whose rows a failed transaction may have rolled back.
  func forgetModels() { known = (0, []) }

  /// Counts the end of a job.
  ///
  /// - Parameter snapshot: the snapshot that ended the job; nil where the daemon ended it.
  func noteEnd(of job: Job, snapshot: Snapshot?) {
    add(1, job, snapshot)
  }

  /// Reverses the count of an end.
  ///
  /// Another job takes the end over, or another end replaces it, and is counted instead. The billed time is
  /// not stored with a job, so it stays counted.
  func reverseEnd(of job: Job) {
    add(-1, job, job.snapshot.flatMap { $0.phase?.isTerminal == true ? $0 : nil })
  }

  private func add(_ count: Int64, _ job: Job, _ snapshot: Snapshot?) {
    guard let usage = Usage(ofEnd: job, snapshot: snapshot, count: count) else { return }
    sums[account(of: job), default: Usage()].add(usage)
  }

  /// Uncounts a lost webhook.
  ///
  /// A delivery has reported an end that polling had found.
  ///
  /// The job has not changed since that end.
  func reclassifyAsDelivered(_ job: Job) {
    sums[account(of: job), default: Usage()].lostWebhooks -= 1
  }

  func write() throws(StoreError) {
    for (account, usage) in sums {
      try add.bind(1, account.day)
      try add.bind(2, try model(of: account))
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
    Account(day: CalendarDay(of: job.updatedAt).number, model: job.model ?? "")
  }

  /// The model whose row an account is added to.
  ///
  /// Names come from the provider and from the app, and each new one would add a row forever.
  private func model(of account: Account) throws(StoreError) -> String {
    guard account.model.utf8.count <= Self.maxModelNameBytes else { return Self.otherModels }
    if known.day != account.day { known = (account.day, []) }
    guard !known.models.contains(account.model) else { return account.model }
    let isStored = try isStored(account)
    guard try isStored ? true : hasRoom(on: account.day) else { return Self.otherModels }
    known.models.insert(account.model)
    return account.model
  }

  private func isStored(_ account: Account) throws(StoreError) -> Bool {
    defer { exists.reset() }
    try exists.bind(1, account.day)
    try exists.bind(2, account.model)
    return try exists.step()
  }

  private func hasRoom(on day: Int64) throws(StoreError) -> Bool {
    defer { countModels.reset() }
    try countModels.bind(1, day)
    return try countModels.step() ? countModels.integer(0) < Self.maxModelsPerDay : true
  }
}
