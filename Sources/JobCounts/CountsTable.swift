internal import Jobs
internal import Ledger
internal import Tables

/// The table of counters: a row for each state that a job has had.
enum CountsTable {
  static let declaration = TableDeclaration(
    "job_counts", key: [.init("state", .text)], columns: [.init("jobs", .integer)], isSummed: true,
    seed: .jobsByState)
}

extension StateCounts {
  /// The writes that add these differences to the counters; none where nothing has changed.
  var additions: [TableWrite] {
    JobState.allCases.compactMap { state in
      let difference = self[state]
      guard difference != 0 else { return nil }
      return .add(
        CountsTable.declaration, key: [.text(state.rawValue)], amounts: [SumAmount("jobs", difference)])
    }
  }

  init(readFrom reader: any StoreReader) async throws(StorageError) {
    self.init()
    for row in try await reader.rows(TableQuery(CountsTable.declaration, limit: JobState.allCases.count)) {
      guard let state = row.text("state").flatMap(JobState.init) else { continue }
      self[state] = row.integer("jobs")
    }
  }
}
