internal import Jobs
internal import Ledger
internal import StoreSeam
internal import Tables
internal import Time

/// Sums the ends of a transaction, and writes each sum once.
struct UsageHook: TransactionHook {
  let metrics: EndMetrics

  private struct Account: Hashable {
    let day: Int64
    let model: String
  }

  /// Sums by account. Neighbours are often of one account, and an addition to the last one hashes nothing.
  private struct Sums {
    private var others: [Account: Usage] = [:]
    private var last: (account: Account, usage: Usage)?

    mutating func add(_ usage: Usage, to account: Account) {
      if last?.account != account {
        if let last { others[last.account] = last.usage }
        last = (account, others[account] ?? Usage())
      }
      last?.usage.add(usage)
    }

    var all: [Account: Usage] {
      guard let last else { return others }
      var all = others
      all[last.account] = last.usage
      return all
    }
  }

  func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    var sums = Sums()
    for transition in transitions { Self.count(transition, in: &sums) }
    var writes = HookWrites()
    var newModels: [Int64: Int] = [:]
    for (account, usage) in sums.all.sorted(by: { ($0.key.day, $0.key.model) < ($1.key.day, $1.key.model) }) {
      let model = try model(of: account, reading: rows, newModels: &newModels[account.day, default: 0])
      writes.tables.append(UsageTable.addition(of: usage, day: account.day, model: model))
    }
    return writes
  }

  func noteCommitted(_ transitions: [JobTransition]) { metrics.count(transitions) }

  private static func count(_ transition: JobTransition, in sums: inout Sums) {
    let (before, after) = (transition.before, transition.after)
    // Another job takes the end over, or another end replaces it, and is counted instead.
    if let before, before.job.phase.isTerminal, [.merged, .replacedEnd].contains(transition.cause) {
      let snapshot = before.job.snapshot.flatMap { $0.phase?.isTerminal == true ? $0 : nil }
      add(Usage(ofEnd: before.job, snapshot: snapshot, count: -1), of: before, in: &sums)
    }
    guard let after else { return }
    if transition.endsJob {
      add(Usage(ofEnd: after.job, snapshot: transition.snapshot, count: 1), of: after, in: &sums)
    } else if let before, before.job.phase.isTerminal, before.job.endFoundByPolling,
      !after.job.endFoundByPolling
    {
      // A delivery reports an end that polling had found. The job has not changed since that end.
      add(Usage(lostWebhooks: -1), of: after, in: &sums)
    }
  }

  private static func add(_ usage: Usage?, of version: JobVersion, in sums: inout Sums) {
    guard let usage else { return }
    let account = Account(
      day: CalendarDay(of: version.job.updatedAt).number, model: version.job.model ?? "")
    sums.add(usage, to: account)
  }

  /// The model whose row an account is added to.
  private func model(
    of account: Account, reading rows: HookRows, newModels: inout Int
  ) throws(StorageError) -> String {
    guard account.model.utf8.count <= UsageTable.maxModelNameBytes else { return UsageTable.otherModels }
    let table = UsageTable.declaration
    let key = [RowValue.integer(account.day), .text(account.model)]
    if try rows.row(of: table, key: key) != nil { return account.model }
    let known = try rows.count(
      of: table, prefix: [.integer(account.day)], limit: UsageTable.maxModelsPerDay)
    guard known + newModels < UsageTable.maxModelsPerDay else { return UsageTable.otherModels }
    newModels += 1
    return account.model
  }
}
