import Jobs
import StoreSeam
import StoreFixture
import Tables

@testable import JobCounts

extension OrderedStore {
  /// A store whose jobs are counted.
  static func counted(
    on backend: (any StoreBackend)? = nil, policy: PollPolicy = PollPolicy(timeout: 8000, firstPoll: 2000)
  ) throws -> OrderedStore {
    try OrderedStore(on: backend, policy: policy, tables: JobCounts.tables, hooks: [CountsHook()])
  }

  func counts() async throws -> StateCounts { try await StateCounts(readFrom: reader) }

  /// Counts the rows themselves.
  func rowCounts() async throws -> StateCounts { try await StateCounts(ofRowsIn: reader) }
}

extension StateCounts {
  init(ofRowsIn reader: any StoreReader) async throws {
    self.init()
    for job in try await reader.jobs(matching: JobFilter(), before: nil, limit: 100_000).jobs {
      self[job.state] += 1
    }
  }

  init(_ counts: [JobState: Int64]) {
    self.init()
    for (state, count) in counts { self[state] = count }
  }
}
