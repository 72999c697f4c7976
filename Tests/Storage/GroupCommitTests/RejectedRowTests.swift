@testable import GroupCommit
import Jobs
import StoreSeam
import StoreFixture
import Testing

/// A batch of which the store rejects a part.
@Suite(.everyStore) struct RejectedRowTests {
  private let backend: any StoreBackend
  private let store: StoreUnderTest

  init() throws {
    backend = try StoreKind.current.makeBackend(isDurable: false)
    store = try StoreUnderTest(backend.open(tables: []), openReader: backend.openReader)
  }

  private func check(_ position: Int, heal: () throws -> Void) async throws {
    var batch = (0..<4).map { store.delivery("w\($0)", of: "p\($0)") }
    batch.insert(store.delivery("poison", of: "poison"), at: position)
    #expect(try store.commit(batch).map(\.isSuccess) == (0..<5).map { $0 != position })
    try heal()
    let reader = try store.reader()
    for number in 0..<4 { #expect(try await reader.job("p\(number)") != nil) }
    #expect(try await reader.history(ofJob: "poison", after: 0, limit: 9)?.counts == [.applied: 1])
    // Nothing of it is left behind.
    #expect(try store.commit([store.delivery("poison", of: "poison")]).map(\.isSuccess) == [true])
    #expect(try backend.tablesWithStrayRows().isEmpty)
  }

  @Test(arguments: [0, 2, 4])
  func `a rejected row does not fail its batch`(_ position: Int) async throws {
    try backend.rejectHistories(webhookID: "poison")
    try await check(position) { try backend.acceptHistories() }
  }

  @Test(arguments: [0, 2, 4])
  func `a damaged row does not fail the batch`(_ position: Int) async throws {
    try backend.execute("UPDATE jobs SET phase = 'hibernating' WHERE prediction_id = 'poison'")
    try await check(position) {
      try backend.execute("UPDATE jobs SET phase = 'pending' WHERE prediction_id = 'poison'")
    }
  }
}

extension Recorder.Outcome {
  fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}
