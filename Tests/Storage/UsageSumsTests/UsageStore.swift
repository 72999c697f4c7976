import Ledger
import StoreFixture
import Tables

@testable import UsageSums

extension UsageSums {
  /// A store whose ends are summed up.
  static func store(
    validateOutput: @escaping OutputValidator = { _, _, standing in standing }
  ) throws -> OrderedStore {
    try OrderedStore(validateOutput: validateOutput, tables: UsageSums.tables, hooks: [UsageHook()])
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
    try backend.write([
      .put(
        UsageTable.declaration,
        [
          .integer(day), .text(model), .integer(usage.succeeded), .integer(usage.failed),
          .integer(usage.canceled), .integer(usage.lostWebhooks), .integer(usage.predictMilliseconds),
          .integer(usage.queueMilliseconds), .integer(usage.runMilliseconds),
        ])
    ])
  }
}
