import Ledger
import Jobs
import StoreSeam
import OldSchemas
import SQLiteStore
import Scratch
import Testing
import Time

@testable import UsageSums

/// Sums that an earlier release has stored.
@Suite struct UsageMigrationTests {
  @Test(arguments: OldSchema.allCases)
  func `usage sums are kept and added to`(_ schema: OldSchema) async throws {
    let file = try TemporaryDatabase()
    try execute(schema.sql, in: file.path)
    let hook = UsageHook(metrics: EndMetrics())
    let ledger = Ledger(store: try SQLiteStore(path: file.path, tables: UsageSums.tables), hooks: [hook])
    let reader = try SQLiteReader(path: file.path)
    let before = try await DailyUsage.read(from: reader, on: 0...100_000)
    #expect(before.map(\.model) == ["", "owner/model"])
    #expect(before.first?.usage.succeeded == 5 && before.last?.usage.runMilliseconds == 300)
    let digest = try #require(BodyDigest(bytes: Array(repeating: 1, count: 32)))
    let snapshot = Snapshot(
      predictionID: "p4", providerStatus: "succeeded", phase: .succeeded, model: "owner/model",
      evidence: Evidence(logsSize: 10, outputSize: 2, digest: digest))
    let delivery = Delivery(
      webhookID: "w99", receivedAt: Timestamp(milliseconds: 10_000), snapshot: snapshot, body: [])
    _ = try ledger.commit([delivery])
    let after = try await DailyUsage.read(from: reader, on: 0...100_000)
    #expect(after.map(\.usage.succeeded) == [5, 2])
    #expect(after.first == before.first)
  }
}
