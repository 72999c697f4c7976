internal import StoreSeam
internal import Tables

/// The table of sums: one row for each day and model.
enum UsageTable {
  /// The maximum of models with their own row on one day.
  ///
  /// Names come from the provider and from the app, and each new one would add a row forever. Others are
  /// summed as ``otherModels``.
  static let maxModelsPerDay = 1000
  static let otherModels = "other"
  /// The maximum length of a model's name, in bytes. Models with longer names are summed as ``otherModels``.
  static let maxModelNameBytes = 255

  static let declaration = TableDeclaration(
    "usage",
    key: [
      // Counted from 1970-01-01, UTC.
      .init("day", .integer),
      // Empty where it is not known.
      .init("model", .text),
    ],
    columns: [
      .init("succeeded", .integer), .init("failed", .integer), .init("canceled", .integer),
      // Ends that were found by polling, and that no delivery has reported since.
      .init("lost_webhooks", .integer),
      .init("predict_milliseconds", .integer), .init("queue_milliseconds", .integer),
      .init("run_milliseconds", .integer),
    ], isSummed: true)

  /// The write that adds `usage` to a row.
  static func addition(of usage: Usage, day: Int64, model: String) -> TableWrite {
    .add(
      declaration, key: [.integer(day), .text(model)],
      amounts: [
        SumAmount("succeeded", usage.succeeded), SumAmount("failed", usage.failed),
        SumAmount("canceled", usage.canceled), SumAmount("lost_webhooks", usage.lostWebhooks),
        // The provider's times are not trusted.
        SumAmount("predict_milliseconds", usage.predictMilliseconds, isClamped: true),
        SumAmount("queue_milliseconds", usage.queueMilliseconds, isClamped: true),
        SumAmount("run_milliseconds", usage.runMilliseconds, isClamped: true),
      ])
  }
}

/// The usage of one model on one day.
struct DailyUsage: Equatable, Sendable {
  /// Counted from 1970-01-01, UTC.
  let day: Int64
  /// Empty where it is not known.
  let model: String
  let usage: Usage

  private init(_ row: TableRow) {
    day = row.integer("day")
    model = row.text("model") ?? ""
    usage = Usage(
      succeeded: row.integer("succeeded"), failed: row.integer("failed"), canceled: row.integer("canceled"),
      lostWebhooks: row.integer("lost_webhooks"), predictMilliseconds: row.integer("predict_milliseconds"),
      queueMilliseconds: row.integer("queue_milliseconds"), runMilliseconds: row.integer("run_milliseconds"))
  }

  /// The usage on `days`, the latest day first.
  static func read(
    from reader: any StoreReader, on days: ClosedRange<Int64>
  ) async throws(StorageError) -> [DailyUsage] {
    let maxRows = (days.count + 1) * (UsageTable.maxModelsPerDay + 1)
    var query = TableQuery(UsageTable.declaration, limit: maxRows)
    query.bounds = days
    query.isDescending = true
    return try await reader.rows(query).map(DailyUsage.init)
  }
}
