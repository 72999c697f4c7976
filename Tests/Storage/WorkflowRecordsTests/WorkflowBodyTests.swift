import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Testing

/// The bodies of jobs that an open workflow still reads.
@Suite(.everyStore) struct WorkflowBodyTests {
  private static let fanIn = #"""
    {"steps":[{"name":"a","model":"m/m","input":{}},
      {"name":"b","model":"m/m","input":{"x":{"$from":"a"}}}]}
    """#

  private func needs(_ id: String, in ledger: WorkflowLedger) async throws -> Bool {
    let number = try await ledger.store.number(id)
    return try ledger.store.commit { (transaction) throws(StorageError) in
      try transaction.needsBodies(number, id: id)
    }
  }

  @Test func `the bodies of a job are needed until its workflow has ended`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.fanIn)
    try ledger.end("w-w-a-0-1", output: "1")
    #expect(try await needs("w-w-a-0-1", in: ledger))
    try ledger.end("w-w-b-0-1", output: "2")
    #expect(try await !needs("w-w-a-0-1", in: ledger))
    #expect(try await !needs("w-w-b-0-1", in: ledger))
  }

  @Test func `the bodies of a job that only has the id of a workflow's are not needed`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.store.place("w-w-a-0-1")
    _ = try ledger.store.cancel("w-w-a-0-1")
    #expect(try await !needs("w-w-a-0-1", in: ledger))
  }
}
