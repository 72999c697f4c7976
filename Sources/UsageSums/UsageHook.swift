internal import Jobs
internal import Ledger
internal import StoreSeam
internal import Tables
internal import Time

/// Sums the ends of a transaction, and writes each sum once.
struct UsageHook: TransactionHook {
  private struct Account: Hashable {
    let day: Int64
    let model: String
  }

  func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    var sums: [Account: Usage] = [:]
    for transition in transitions { Self.count(transition, in: &sums) }
    var writes = HookWrites()
    var newModels: [Int64: Int] = [:]
    for (account, usage) in sums.sorted(by: { ($0.key.day, $0.key.model) < ($1.key.day, $1.key.model) }) {
      let model = try model(of: account, reading: rows, newModels: &newModels[account.day, default: 0])
      writes.tables.append(UsageTable.addition(of: usage, day: account.day, model: model))
    }
    return writes
  }

  private static func count(_ transition: JobTransition, in sums: inout [Account: Usage]) {
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

  private static func add(_ usage: Usage?, of version: JobVersion, in sums: inout [Account: Usage]) {
    guard let usage else { return }
    let account = Account(
      day: CalendarDay(of: version.job.updatedAt).number, model: version.job.model ?? "")
    sums[account, default: Usage()].add(usage)
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
