import Ledger
import StoreSeam
import StoreFixture
import Tables

@testable import UsageSums

extension UsageSums {
  /// A store whose ends are summed up.
  static func store(
    validateOutput: @escaping OutputValidator = { _, _, standing in standing },
    endGate: (any EndGate)? = nil, metrics: EndMetrics = EndMetrics()
  ) throws -> OrderedStore {
    try OrderedStore(
      validateOutput: validateOutput, tables: UsageSums.tables, hooks: [UsageHook(metrics: metrics)],
      endGate: endGate)
  }
}

extension OrderedStore {
  /// The sums of some days, the latest day first.
  func usage(on days: ClosedRange<Int64>) async throws -> [DailyUsage] {
    try await DailyUsage.read(from: reader, on: days)
  }

  /// The sums of the first day, where all ends have the same model.
  func usage() async throws -> Usage { try await usage(on: 0...0).first?.usage ?? Usage() }

  /// Replaces the sums of a model on a day.
  func put(_ usage: Usage, day: Int64, model: String) throws {
    let key: [RowValue] = [.integer(day), .text(model)]
    try backend.write([.delete(UsageTable.declaration, key: key)])
    try backend.write([
      .add(
        UsageTable.declaration, key: key,
        amounts: [
          SumAmount("succeeded", usage.succeeded), SumAmount("failed", usage.failed),
          SumAmount("canceled", usage.canceled), SumAmount("lost_webhooks", usage.lostWebhooks),
          SumAmount("predict_milliseconds", usage.predictMilliseconds),
          SumAmount("queue_milliseconds", usage.queueMilliseconds),
          SumAmount("run_milliseconds", usage.runMilliseconds),
        ])
    ])
  }
}
