internal import Jobs
internal import StoreSeam
internal import Tables

/// The table of counters: one row, with a column for each state.
///
/// A row for each state would be three writes a batch, because most jobs pass through three states.
enum CountsTable {
  private static let id = RowValue.integer(0)

  static let declaration = TableDeclaration(
    "job_counts", key: [.init("id", .integer)],
    columns: JobState.allCases.map { .init($0.rawValue, .integer) }, isSummed: true, seed: .jobsByState)

  static func add(_ differences: StateCounts) -> TableWrite {
    .add(
      declaration, key: [id],
      amounts: JobState.allCases.map { SumAmount($0.rawValue, differences[$0]) })
  }
}

extension StateCounts {
  init(readFrom reader: any StoreReader) async throws(StorageError) {
    self.init()
    guard let row = try await reader.rows(TableQuery(CountsTable.declaration, limit: 1)).first else { return }
    for state in JobState.allCases { self[state] = row.integer(state.rawValue) }
  }
}
