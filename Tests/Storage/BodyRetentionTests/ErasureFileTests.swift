import BodyRetention
import Foundation
import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Testing

/// What is left of erased bodies in the files of a SQLite database.
@Suite struct ErasureFileTests {
  @Test(arguments: [100, 900, 50_000, 2_000_000])
  func `nothing of an erased body is left in the database file`(_ size: Int) async throws {
    let backend = try SQLiteBackend()
    let tables = [ErasureTable.declaration, ErasureMark.declaration]
    let store = try OrderedStore(on: backend, tables: tables, hooks: [ErasureHook()])
    let secrets = ["needle-of-input", "needle-of-output", "needle-of-logs", "needle-of-request"]
    let text = { (secret: String) in String(repeating: secret + " ", count: size / secret.utf8.count + 1) }
    // Its neighbours stay, and share pages with it.
    for (index, id) in ["before", "j1", "after"].enumerated() {
      let isErased = id == "j1"
      let words = isErased ? secrets : secrets.map { _ in "kept" }
      try store.place(id, request: #"{"model":"owner/model","input":{"a":"\#(text(words[3]))"}}"#)
      _ = try store.step()
      let body = """
        {"id":"p\(index)","status":"succeeded","input":{"a":"\(text(words[0]))"},"output":"\(text(words[1]))",
        "logs":"\(text(words[2]))"}
        """
      let sample = Sample.delivery("w\(index)", of: "p\(index)", "succeeded", .succeeded, body: body)
      _ = try store.ledger.commit([
        Delivery(
          webhookID: sample.webhookID, receivedAt: store.now, snapshot: sample.snapshot, body: sample.body,
          namedJob: id)
      ])
    }
    #expect(try Self.found(secrets, in: backend).count == 4)
    let (number, now) = (try await store.number("j1"), store.now)
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.eraseBodies(ofJob: number, id: "j1", at: now)
    }
    #expect(try Self.found(secrets, in: backend).isEmpty)
    #expect(try Self.found(["kept"], in: backend) == ["kept"])
  }

  /// Which of the texts the files have, once the WAL is in the database.
  private static func found(_ texts: [String], in backend: SQLiteBackend) throws -> [String] {
    try backend.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    var bytes = Data()
    for suffix in ["", "-wal"] {
      bytes += FileManager.default.contents(atPath: backend.path + suffix) ?? Data()
    }
    return texts.filter { bytes.range(of: Data($0.utf8)) != nil }
  }
}
