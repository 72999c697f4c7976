internal import Tables

/// A table of both stores: its columns in PostgreSQL, and where their values are in SQLite.
struct MovedTable: Sendable {
  let name: String
  /// The key first.
  let columns: [Column]
  let keyCount: Int
  /// Which rows of SQLite's table are moved. Nil for all.
  var condition: String?
  /// Further columns of PostgreSQL's table with their values, as SQL.
  var constants: [(name: String, value: String)] = []

  struct Column: Sendable {
    let name: String
    let type: ColumnType
    /// The SQL that reads the value from SQLite.
    let source: String

    init(_ name: String, _ type: ColumnType, from source: String? = nil) {
      self.name = name
      self.type = type
      self.source = source ?? name
    }
  }

  /// A type of PostgreSQL. In rows a boolean is 0 or 1.
  enum ColumnType: String, Sendable {
    case integer = "bigint"
    case text
    case bytes = "bytea"
    case boolean
  }

  var keys: ArraySlice<Column> { columns.prefix(keyCount) }

  private func names(_ columns: some Sequence<Column>) -> String {
    columns.map(\.name).joined(separator: ", ")
  }

  /// The rows after a key, in the order of the keys: SQLite's statement, with the limit as last parameter.
  func selectFromSource(afterKey: Bool) -> String {
    var conditions = condition.map { [$0] } ?? []
    if afterKey {
      let parameters = (1...keyCount).map { "?\($0)" }.joined(separator: ", ")
      conditions.append("(\(keys.map(\.source).joined(separator: ", "))) > (\(parameters))")
    }
    return """
      SELECT \(columns.map(\.source).joined(separator: ", ")) FROM \(name)
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
      ORDER BY \(keys.map(\.source).joined(separator: ", ")) LIMIT ?\(keyCount + 1)
      """
  }

  var countInSource: String {
    "SELECT count(*) FROM \(name)" + (condition.map { " WHERE \($0)" } ?? "")
  }

  /// The same rows of PostgreSQL's table.
  func selectFromTarget(afterKey: Bool) -> String {
    let parameters = keys.enumerated().map { "$\($0 + 1)::\($1.type.rawValue)" }.joined(separator: ", ")
    let condition = afterKey ? "WHERE (\(names(keys))) > (\(parameters))" : ""
    return """
      SELECT \(names(columns)) FROM \(name) \(condition)
      ORDER BY \(names(keys)) LIMIT $\((afterKey ? keyCount : 0) + 1)
      """
  }

  /// Inserts rows, each column as an array.
  var insert: String {
    let arrays = columns.enumerated().map { "$\($0 + 1)::\($1.type.rawValue)[]" }.joined(separator: ", ")
    let names = columns.map(\.name) + constants.map(\.name)
    let values = ["u.*"] + constants.map(\.value)
    return """
      INSERT INTO \(name) (\(names.joined(separator: ", ")))
      SELECT \(values.joined(separator: ", ")) FROM unnest(\(arrays)) AS u
      """
  }
}

extension MovedTable {
  /// A capability's table. Its texts are stored as bytes.
  init(_ table: TableDeclaration) {
    self.init(
      name: table.name,
      columns: table.columns.map { column in
        switch column.type {
        case .integer: Column(column.name, .integer)
        case .text: Column(column.name, .bytes, from: "CAST(\(column.name) AS BLOB)")
        case .bytes: Column(column.name, .bytes)
        }
      },
      keyCount: table.keyCount,
      constants: table.isSummed ? [("shard", "0")] : [])
  }

  /// The tables of the rules, the largest first.
  static let ofRules: [MovedTable] = [
    MovedTable(name: "jobs", columns: jobColumns, keyCount: 1),
    MovedTable(
      name: "deliveries",
      columns: [
        Column("job", .integer), Column("position", .integer), Column("webhook_id", .text),
        Column("source", .text), Column("is_repeat", .boolean), Column("digest", .bytes),
        Column("received_at", .integer),
        Column("provider_status", .bytes, from: "CAST(provider_status AS BLOB)"), Column("outcome", .text),
        Column("phase", .text), Column("revision", .integer),
      ], keyCount: 2),
    MovedTable(
      name: "orders",
      columns: [
        Column("job", .integer), Column("digest", .bytes), Column("idempotency_key", .text),
        Column("stage", .text), Column("tries", .integer), Column("sent_at", .integer),
        Column("certain_at", .integer), Column("timeout", .integer), Column("retries_left", .integer),
        Column("cancel_requested", .boolean), Column("reason", .text), Column("refusals", .integer),
        Column("restored", .boolean), Column("start_before", .integer), Column("retry_of", .text),
        Column("request", .bytes),
      ], keyCount: 1),
    MovedTable(
      name: "attempts",
      columns: [
        Column("prediction_id", .text), Column("job", .integer), Column("error_code", .text),
        Column("error_message", .bytes, from: "CAST(error_message AS BLOB)"), Column("ended_at", .integer),
      ], keyCount: 1),
    MovedTable(
      name: "refusals",
      columns: [
        Column("job", .integer), Column("position", .integer), Column("error_code", .text),
        Column("error_message", .bytes, from: "CAST(error_message AS BLOB)"), Column("ended_at", .integer),
      ], keyCount: 2),
    MovedTable(
      name: "metadata", columns: [Column("job", .integer), Column("text", .bytes)], keyCount: 1),
    MovedTable(
      name: "metadata_members",
      columns: [
        Column("job", .integer), Column("key", .bytes, from: "CAST(key AS BLOB)"),
        Column("value", .bytes, from: "CAST(value AS BLOB)"),
      ], keyCount: 2),
    // The open jobs of SQLite are found by their phase.
    MovedTable(name: "changes", columns: [Column("change", .integer), Column("job", .integer)], keyCount: 1),
    MovedTable(
      name: "tombstones",
      columns: [Column("change", .integer), Column("id", .text), Column("expires_at", .integer)],
      keyCount: 1),
    MovedTable(
      name: "tombstone_keys", columns: [Column("digest", .bytes), Column("change", .integer)], keyCount: 1),
    MovedTable(
      name: "work",
      columns: [
        Column("job", .integer), Column("kind", .text), Column("key", .text), Column("due_at", .integer),
        Column("tries", .integer), Column("owner", .text), Column("lease_until", .integer),
      ], keyCount: 3),
    // The epoch stays behind: cursors of the file are no cursors of the database. The oldest change is a
    // column of the feed there.
    MovedTable(
      name: "keys", columns: [Column("name", .text), Column("value", .bytes)], keyCount: 1,
      condition: "name NOT IN ('epoch', 'oldest_change')"),
  ]

  private static let jobColumns: [Column] = [
    Column("number", .integer), Column("prediction_id", .text), Column("id", .text),
    Column("ordered_at", .integer), Column("phase", .text),
    Column("provider_status", .bytes, from: "CAST(provider_status AS BLOB)"),
    Column("snapshot_phase", .text), Column("model", .bytes, from: "CAST(model AS BLOB)"),
    Column("model_version", .bytes, from: "CAST(model_version AS BLOB)"), Column("error_code", .text),
    Column("error_message", .bytes, from: "CAST(error_message AS BLOB)"), Column("is_verdict", .boolean),
    Column("created_at", .integer), Column("started_at", .integer), Column("completed_at", .integer),
    Column("updated_at", .integer), Column("last_delivery_at", .integer), Column("heard_at", .integer),
    Column("due_at", .integer), Column("polls", .integer), Column("stale_at", .integer),
    Column("ended_unheard", .boolean, from: "ended_unheard = 1"),
    // 4 is an end that polling found and a delivery has reported since.
    Column(
      "ended_by", .integer, from: "nullif(CASE ended_unheard WHEN 4 THEN 1 ELSE ended_unheard END, 0)"),
    Column("attempt", .integer), Column("revision", .integer),
    Column("logs_size", .integer), Column("output_size", .integer), Column("digest", .bytes),
    Column("progress", .integer), Column("predict_milliseconds", .integer),
    // Rows of early versions have no change number of their own.
    Column("change", .integer, from: "coalesce(change, number)"),
    Column(
      "history_length", .integer,
      from: "(SELECT coalesce(max(position), 0) FROM deliveries WHERE job = jobs.number)"),
    Column("unsuccessful", .text, from: "CASE WHEN phase IN ('failed', 'canceled') THEN phase END"),
    Column("body", .bytes),
  ]

  /// The change before which the file has deleted tombstones.
  static let oldestChangeInSource =
    "SELECT coalesce((SELECT CAST(value AS TEXT) FROM keys WHERE name = 'oldest_change'), '0')"

  /// Fills the table of open jobs, which SQLite does not have.
  static let fillOpenJobs = """
    INSERT INTO open_jobs (job) SELECT number FROM jobs WHERE phase IN ('pending', 'running')
    ON CONFLICT DO NOTHING
    """
}
