internal import PostgreSQL
internal import PostgreSQLSchema
internal import Tables
internal import Time

/// The PostgreSQL database that receives the rows.
///
/// The table `move_progress` holds the key of the last row of each table that was copied. Each batch of rows
/// is one transaction with its new key, so that an interrupted move goes on where it was. While the table
/// exists no daemon starts on the database.
final class MoveTarget {
  private let connection: Connection

  /// How long a batch may take: a commit waits for standbys.
  private static let batchTimeout = Duration.seconds(60)
  /// How long statements may take that read or change whole tables.
  private static let tableTimeout = Duration.seconds(24 * 3600)

  init(_ url: String) throws(MoveError) {
    do throws(PostgreSQLError) {
      connection = try Connection(
        to: try ConnectionTarget(url: url), named: "replicate-webhookd move",
        deadline: MonotonicClock.now + .seconds(15))
    } catch {
      throw .unreachable("\(error)")
    }
  }

  // MARK: The progress

  /// The name of the file of an interrupted move. Nil where there is none.
  func interruptedMove() throws(MoveError) -> String? {
    let exists = try run("SELECT to_regclass('move_progress') IS NOT NULL")
    guard exists.boolean(0, 0) else { return nil }
    let rows = try run("SELECT position FROM move_progress WHERE name = ''")
    return rows.isEmpty ? "" : String(decoding: rows.bytes(0, 0), as: UTF8.self)
  }

  /// The number of connections of daemons to this database.
  func daemonConnections() throws(MoveError) -> Int {
    let sql = """
      SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND application_name LIKE 'replicate-webhookd%'
      """
    return Int(try run(sql).integer(0, 0))
  }

  func holdsRows(_ tables: [MovedTable]) throws(MoveError) -> Bool {
    // A store that no delivery has reached has its keys, and nothing else.
    let conditions = tables.filter { $0.name != "keys" }.map { "EXISTS (SELECT 1 FROM \($0.name))" }
    return try run("SELECT \(conditions.joined(separator: " OR "))").boolean(0, 0)
  }

  /// Empties the tables, and notes that a move has begun.
  func begin(_ tables: [MovedTable], identity: String) throws(MoveError) {
    let names = (tables.map(\.name) + ["open_jobs"]).joined(separator: ", ")
    // The names are the program's own, and the identity is letters, digits and signs.
    let rows = tables.map { "('\($0.name)', '')" }.joined(separator: ", ")
    try script(
      """
      BEGIN;
      CREATE TABLE IF NOT EXISTS move_progress (name text COLLATE "C" PRIMARY KEY, position bytea NOT NULL);
      TRUNCATE \(names), move_progress;
      INSERT INTO move_progress (name, position)
        VALUES ('', convert_to('\(identity)', 'UTF8')), \(rows);
      COMMIT
      """)
  }

  /// The key of the last row of `table` that was copied. Nil where none was.
  func position(in table: MovedTable) throws(MoveError) -> [RowValue]? {
    let rows = try run("SELECT position FROM move_progress WHERE name = $1", [.text(table.name)])
    return MovePosition.decode(rows.bytes(0, 0), count: table.keyCount)
  }

  // MARK: Rows

  /// Appends `rows` in one transaction, and notes the last one's key.
  ///
  /// - Parameter old: the key that was noted before.
  func append(
    _ rows: [[RowValue]], to table: MovedTable, after old: [RowValue]?
  ) throws(MoveError) {
    guard let last = rows.last else { return }
    let key = Array(last.prefix(table.keyCount))
    var pipeline = Pipeline()
    pipeline.add(Query("BEGIN"))
    let noted = pipeline.add(
      Query("UPDATE move_progress SET position = $1 WHERE name = $2 AND position = $3"),
      [
        .bytes(MovePosition.encode(key)), .text(table.name),
        .bytes(old.map { MovePosition.encode($0) } ?? []),
      ])
    pipeline.add(Query(table.insert), Self.arrays(rows, table.columns))
    let results = try run(pipeline, timeout: Self.batchTimeout)
    guard results[noted].affected == 1 else { throw .concurrent }
    let committed = try run("COMMIT")
    guard committed.commandTag == "COMMIT" else { throw .target("the batch was not committed") }
  }

  private static func arrays(_ rows: [[RowValue]], _ columns: [MovedTable.Column]) -> [Parameter] {
    columns.indices.map { index in
      switch columns[index].type {
      case .integer: .integers(rows.map { $0[index].number })
      case .boolean: .booleans(rows.map { $0[index].number.map { $0 != 0 } })
      case .text: .texts(rows.map { $0[index].text })
      case .bytes: .byteArrays(rows.map { $0[index].bytes })
      }
    }
  }

  /// The next `count` rows after `key`.
  func rows(
    of table: MovedTable, after key: [RowValue]?, count: Int
  ) throws(MoveError) -> [[RowValue]] {
    let parameters = (key ?? []).map(\.parameter) + [.integer(Int64(count))]
    let rows = try run(table.selectFromTarget(afterKey: key != nil), parameters, timeout: Self.tableTimeout)
    return (0..<rows.count).map { row in
      table.columns.indices.map { index in
        let column = Int32(index)
        if rows.isNull(row, column) { return .null }
        return switch table.columns[index].type {
        case .integer: .integer(rows.integer(row, column))
        case .boolean: .integer(rows.boolean(row, column) ? 1 : 0)
        case .text: .text(rows.text(row, column) ?? "")
        case .bytes: .bytes(rows.bytes(row, column))
        }
      }
    }
  }

  func count(of table: MovedTable) throws(MoveError) -> Int64 {
    try run("SELECT count(*) FROM \(table.name)", timeout: Self.tableTimeout).integer(0, 0)
  }

  // MARK: The end

  /// Fills what follows from the rows, and gathers the planner's statistics.
  ///
  /// - Parameters:
  ///   - oldestChange: the change before which the file has deleted tombstones.
  ///   - seeded: tables whose rows are counted.
  func complete(oldestChange: Int64, counting seeded: [TableDeclaration]) throws(MoveError) {
    try script(
      """
      BEGIN;
      \(MovedTable.fillOpenJobs);
      \(seeded.flatMap(CapabilityTable.seeding).joined(separator: ";\n"));
      UPDATE feed SET oldest_change = \(oldestChange);
      SELECT setval(pg_get_serial_sequence('jobs', 'number'),
        greatest((SELECT max(number) FROM jobs), (SELECT max(change) FROM changes), 1));
      COMMIT;
      ANALYZE
      """)
  }

  /// Makes the database usable.
  func finish() throws(MoveError) { try script("DROP TABLE move_progress") }

  // MARK: Statements

  private func run(
    _ sql: String, _ parameters: [Parameter] = [], timeout: Duration = batchTimeout
  ) throws(MoveError) -> Rows {
    var pipeline = Pipeline()
    pipeline.add(Query(sql), parameters)
    guard let rows = try run(pipeline, timeout: timeout).first else { throw .target("no result") }
    return rows
  }

  private func run(_ pipeline: Pipeline, timeout: Duration) throws(MoveError) -> [Rows] {
    do throws(PostgreSQLError) {
      return try connection.run(pipeline, deadline: MonotonicClock.now + timeout)
    } catch {
      throw MoveError(error)
    }
  }

  private func script(_ sql: String) throws(MoveError) {
    do throws(PostgreSQLError) {
      try connection.script(sql, deadline: MonotonicClock.now + Self.tableTimeout)
    } catch {
      throw MoveError(error)
    }
  }
}

extension MoveError {
  fileprivate init(_ error: PostgreSQLError) {
    self =
      switch error {
      case .connection(let text), .timedOut(let text):
        .unreachable("\(text); repeat the command, which goes on where it was")
      case .server, .unexpected: .target("\(error)")
      }
  }
}

extension RowValue {
  fileprivate var number: Int64? { if case .integer(let number) = self { number } else { nil } }
  fileprivate var text: String? { if case .text(let text) = self { text } else { nil } }
  fileprivate var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }

  fileprivate var parameter: Parameter {
    switch self {
    case .null: .null
    case .integer(let number): .integer(number)
    case .text(let text): .text(text)
    case .bytes(let bytes): .bytes(bytes)
    }
  }
}

/// A key as bytes: for each value its kind, its length, and the value.
enum MovePosition {
  static func encode(_ key: [RowValue]) -> [UInt8] {
    key.flatMap { value -> [UInt8] in
      switch value {
      case .null: field(0, [])
      case .integer(let number): field(1, withUnsafeBytes(of: number.bigEndian) { Array($0) })
      case .text(let text): field(2, Array(text.utf8))
      case .bytes(let bytes): field(3, bytes)
      }
    }
  }

  private static func field(_ kind: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [kind] + withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
  }

  /// Nil where `bytes` hold no key of `count` values.
  static func decode(_ bytes: [UInt8], count: Int) -> [RowValue]? {
    var rest = bytes[...]
    var key: [RowValue] = []
    while let kind = rest.first {
      guard rest.count >= 5 else { return nil }
      let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(5)
      guard rest.count >= length else { return nil }
      let value = rest.prefix(length)
      rest = rest.dropFirst(length)
      switch kind {
      case 1: key.append(.integer(value.reduce(0) { $0 << 8 | Int64($1) }))
      case 2: key.append(.text(String(decoding: value, as: UTF8.self)))
      case 3: key.append(.bytes(Array(value)))
      default: key.append(.null)
      }
    }
    return key.count == count ? key : nil
  }
}
