package import Tables

/// The move of a SQLite file into a PostgreSQL database: `move`.
///
/// It copies the rows in batches, and goes on where an earlier run was interrupted. At the end it compares
/// every row. Only then can a daemon use the database. The file is only read.
package struct StoreMove {
  private let source: MoveSource
  private let target: MoveTarget
  private let tables: [MovedTable]
  /// Tables whose rows are counted in the database, not copied.
  private let seeded: [TableDeclaration]
  private let total: Int64

  /// How far a move has come.
  package struct Progress: Sendable {
    /// Whether rows are compared, after all were copied.
    package let isVerifying: Bool
    package let table: String
    package let rows: Int64
    /// The rows of all tables.
    package let totalRows: Int64
  }

  /// What was moved.
  package struct Summary: Sendable {
    package let jobs: Int64
    package let rows: Int64
  }

  /// Claims the file and connects to the database, in which the schema exists.
  ///
  /// - Parameters:
  ///   - path: of the SQLite file, which no daemon may use.
  ///   - url: of the database.
  ///   - declarations: the tables of the capabilities.
  package init(
    from path: String, to url: String, tables declarations: [TableDeclaration]
  ) throws(MoveError) {
    let tables = MovedTable.ofRules + declarations.filter { $0.seed == nil }.map { MovedTable($0) }
    self.tables = tables
    seeded = declarations.filter { $0.seed != nil }
    source = try MoveSource(path: path)
    target = try MoveTarget(url)
    var total: Int64 = 0
    for table in tables { total += try source.count(of: table) }
    self.total = total
  }

  /// Copies what is missing, verifies all of it, and makes the database usable.
  ///
  /// - Parameter restarts: whether the rows of an interrupted move are deleted first.
  package func run(
    restarts: Bool, progress: (Progress) -> Void
  ) throws(MoveError) -> Summary {
    let daemons = try target.daemonConnections()
    guard daemons == 0 else { throw .inUse(daemons) }
    let identity = try source.identity(of: tables)
    switch try target.interruptedMove() {
    case nil:
      guard try !target.holdsRows(tables) else { throw .notEmpty }
      try target.begin(tables, identity: identity)
    case let found?:
      if restarts {
        try target.begin(tables, identity: identity)
      } else if found != identity {
        throw .otherMove
      }
    }
    try copy(progress)
    try target.complete(oldestChange: try source.oldestChange(), counting: seeded)
    try verify(progress)
    try target.finish()
    return Summary(jobs: try source.count(of: tables[0]), rows: total)
  }

  private func copy(_ progress: (Progress) -> Void) throws(MoveError) {
    var done: Int64 = 0
    for table in tables {
      var position = try target.position(in: table)
      if position != nil { done += try target.count(of: table) }
      // Bounded by the table: every batch has rows, and moves the position.
      while true {
        let rows = try source.rows(of: table, after: position)
        guard let last = rows.last else { break }
        try target.append(rows, to: table, after: position)
        position = Array(last.prefix(table.keyCount))
        done += Int64(rows.count)
        progress(Progress(isVerifying: false, table: table.name, rows: done, totalRows: total))
      }
    }
  }

  private func verify(_ progress: (Progress) -> Void) throws(MoveError) {
    var done: Int64 = 0
    for table in tables {
      let counts = (try source.count(of: table), try target.count(of: table))
      guard counts.0 == counts.1 else {
        throw .differs(table: table.name, "the file has \(counts.0) rows, the database \(counts.1)")
      }
      var position: [RowValue]?
      // Bounded by the table: every batch has rows, and moves the position.
      while true {
        let rows = try source.rows(of: table, after: position)
        guard let last = rows.last else { break }
        let copies = try target.rows(of: table, after: position, count: rows.count)
        if let index = rows.indices.first(where: { $0 >= copies.count || rows[$0] != copies[$0] }) {
          let key = rows[index].prefix(table.keyCount).map(\.shown).joined(separator: ", ")
          throw .differs(table: table.name, "the row \(key) is not the file's")
        }
        position = Array(last.prefix(table.keyCount))
        done += Int64(rows.count)
        progress(Progress(isVerifying: true, table: table.name, rows: done, totalRows: total))
      }
    }
  }
}

extension RowValue {
  /// The value in an error's text. Keys are numbers and ids, never bodies.
  fileprivate var shown: String {
    switch self {
    case .null: "NULL"
    case .integer(let number): "\(number)"
    case .text(let text): text
    case .bytes(let bytes): "\(bytes.count) bytes"
    }
  }
}
