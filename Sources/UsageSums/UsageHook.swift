internal import Jobs
internal import Ledger
internal import Time

/// Sums the ends of a transaction, and writes each sum once.
struct UsageHook: TransactionHook {
  private struct Account: Hashable {
    let day: Int64
    let model: String
  }

  /// Sums by account. Most transitions that follow each other are of one account.
  private struct Sums {
    private var sums: [Account: Usage] = [:]
    private var last: (account: Account, usage: Usage)?

    var all: [Account: Usage] {
      var all = sums
      if let last { all[last.account, default: Usage()].add(last.usage) }
      return all
    }

    mutating func add(_ usage: Usage, to account: Account) {
      guard last?.account == account else {
        sums = all
        last = (account, usage)
        return
      }
      last?.usage.add(usage)
    }
  }

  var tables: [TableDeclaration] { [UsageTable.declaration] }

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

  private static func count(_ transition: JobTransition, in sums: inout Sums) {
    let (before, after) = (transition.before?.job, transition.after?.job)
    // Another job takes the end over, or another end replaces it, and is counted instead.
    if let before, before.phase.isTerminal, [.merged, .replacedEnd].contains(transition.cause) {
      // The billed time is not stored with a job, so it stays counted.
      let snapshot = before.snapshot.flatMap { $0.phase?.isTerminal == true ? $0 : nil }
      add(Usage(ofEnd: before, snapshot: snapshot, count: -1), of: before, in: &sums)
    }
    guard let after else { return }
    if transition.endsJob {
      add(Usage(ofEnd: after, snapshot: transition.snapshot, count: 1), of: after, in: &sums)
    } else if let before, before.endFoundByPolling, !after.endFoundByPolling {
      // A delivery reports an end that polling had found. The job has not changed since that end.
      add(Usage(lostWebhooks: -1), of: after, in: &sums)
    }
  }

  private static func add(_ usage: Usage?, of job: Job, in sums: inout Sums) {
    guard let usage else { return }
    sums.add(usage, to: Account(day: CalendarDay(of: job.updatedAt).number, model: job.model ?? ""))
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
