@testable import Downloads
import BlobStores
import JobRequests
import Jobs
import KeptFiles
import Ledger
import StoreFixture
import StoreSeam
import Tables
import Testing
import Time

/// A store of the suite's kind with the hook and the gate of kept files. Time stands still.
final class KeptStore {
  let backend: any StoreBackend
  private(set) var ledger: Ledger
  private(set) var reader: any StoreReader
  private let mode: ArchiveMode
  var now = Timestamp(milliseconds: 10_000_000)

  static let node = "node-1"
  static let sources = SourceRules()
  /// In the store of jobs, on which a file's expiry depends.
  static let life = FetchSchedule.life

  init(mode: ArchiveMode = .bestEffort) throws {
    backend = try StoreKind.current.makeBackend()
    self.mode = mode
    ledger = try Self.ledger(backend, mode)
    reader = try backend.openReader()
  }

  private static func ledger(_ backend: any StoreBackend, _ mode: ArchiveMode) throws -> Ledger {
    Ledger(
      store: try backend.open(tables: ArchiveTables.all),
      rules: LedgerRules(retainingKinds: Set(ArchiveWork.kinds), endGate: ArchiveGate(mode: mode)),
      hooks: [ArchiveHook(mode: mode, sources: sources, isOn: true)])
  }

  /// Reopens the store as after a kill, and recovers the claims.
  func restart() throws {
    ledger = try Self.ledger(backend, mode)
    reader = try backend.openReader()
    let now = now
    try commit { (transaction) throws(StorageError) in
      try transaction.recoverArchive(at: now, within: 300_000, endingClaims: true)
    }
  }

  func advance(_ milliseconds: Int64) { now = now.advanced(byMilliseconds: milliseconds) }

  @discardableResult
  func commit<Value>(
    _ work: @escaping (LedgerTransaction) throws(StorageError) -> Value
  ) throws -> Value {
    try ledger.commit(work)
  }
}

// MARK: - Jobs

extension KeptStore {
  static func url(_ name: String) -> String { "https://replicate.delivery/xezq/\(name)" }

  /// An output of one picture.
  static func output(_ name: String = "out-0.png") -> String { #"["\#(url(name))"]"# }

  /// Creates a job, whose request may name a mode.
  func place(_ id: String, _ archive: ArchiveMode? = nil) throws {
    let order = Order(
      id: id, idempotencyKey: nil, digest: Sample.digest(of: id), request: Array("{}".utf8),
      model: "owner/model", createdAt: now, timeout: nil, retries: 0, archive: archive?.rawValue)
    try commit { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }
  }

  /// Records the end of a job.
  ///
  /// - Parameter completed: when the prediction ended; nil for now.
  @discardableResult
  func end(
    _ id: String, output: String = KeptStore.output(), as phase: Phase = .succeeded,
    completed: Timestamp? = nil, naming job: String? = nil
  ) async throws -> Int64 {
    let body = #"{"id":"\#(id)","status":"\#(phase.rawValue)","output":\#(output)}"#
    let delivery = Delivery(
      webhookID: "end-\(id)", receivedAt: now,
      snapshot: Snapshot(
        predictionID: id, providerStatus: phase.rawValue, phase: phase, model: "owner/model",
        completedAt: completed ?? now,
        evidence: Evidence(logsSize: 0, outputSize: output.utf8.count, digest: Sample.digest(of: body))),
      body: Array(body.utf8), namedJob: job)
    try commit { (transaction) throws(StorageError) in _ = try transaction.record(delivery) }
    return try #require(try await reader.job(job ?? id)).number
  }

  func state(_ id: String) async throws -> JobState? { try await reader.job(id)?.job.state }

  func archived(_ number: Int64) async throws -> ArchivedJob? {
    var query = TableQuery(ArchiveJobTable.declaration, limit: 1)
    query.prefix = [.integer(number)]
    return try await reader.rows(query).first.flatMap { ArchivedJob($0) }
  }

  func files(_ number: Int64) async throws -> [ArchivedFile] {
    var query = TableQuery(ArchiveFileTable.declaration, limit: 2000)
    query.prefix = [.integer(number)]
    return try await reader.rows(query).compactMap { ArchivedFile($0) }
  }

  func blobs() async throws -> [ArchivedBlob] {
    try await reader.rows(TableQuery(ArchiveBlobTable.declaration, limit: 100)).compactMap {
      ArchivedBlob($0)
    }
  }

  func drops() async throws -> [ArchiveDrop] {
    try await reader.rows(TableQuery(ArchiveDropTable.declaration, limit: 100)).map { ArchiveDrop($0) }
  }

  func total(_ column: String) async throws -> Int64 {
    try await reader.rows(TableQuery(ArchiveTotalTable.declaration, limit: 1)).first?.integer(column) ?? 0
  }

  /// Deletes the oldest job that has ended, as RETENTION does. Its files stay.
  func pruneOne() throws {
    advance(1000)
    let now = now
    try commit { (transaction) throws(StorageError) in
      for item in try transaction.claimManifests(at: now, until: now.advanced(byMilliseconds: 1), limit: 9) {
        try transaction.finishManifest(item, retry: nil)
      }
    }
    advance(1000)
    let limit = self.now
    _ = try commit { (transaction) throws(StorageError) in
      try transaction.prune(endedBefore: limit, at: limit, after: 0, count: 1)
    }
  }

  func delete(_ id: String) throws {
    let expiresAt = now.advanced(byMilliseconds: 3_600_000)
    try commit { (transaction) throws(StorageError) in
      _ = try transaction.deleteJob(id, tombstoneUntil: expiresAt)
    }
  }
}

// MARK: - A file's way

extension KeptStore {
  func claim(limit: Int = 4, inFlight: [Int64: Set<SpoolKey>] = [:]) throws -> [FetchClaim] {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.claimFetches(
        at: now, until: now.advanced(byMilliseconds: 180_000), limit: limit, inFlight: inFlight)
    }.claims
  }

  @discardableResult
  func finish(_ claim: FetchClaim, content: String, canStore: Bool = true) throws -> FetchResult {
    try finish(
      claim,
      .finished(
        DownloadedFile(
          key: claim.key, size: content.utf8.count, sha256: Self.digest(content),
          type: MediaType("image/png") ?? .unknown, name: "out-\(claim.file.n).png")), canStore: canStore)
  }

  @discardableResult
  func fail(_ claim: FetchClaim, _ code: DownloadFailure.Code) throws -> FetchResult {
    try finish(claim, .failed(DownloadFailure(code, "a cause")))
  }

  private func finish(
    _ claim: FetchClaim, _ outcome: DownloadOutcome, canStore: Bool = true
  ) throws -> FetchResult {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.finishFetch(
        claim, outcome, node: Self.node, canStore: canStore, at: now, jitter: 0.5)
    }
  }

  @discardableResult
  func finish(_ file: ArchivedFile, _ outcome: BlobOutcome) throws -> StoringResult {
    let now = now
    return try commit { (transaction) throws(StorageError) in
      try transaction.finishStore(file, outcome, at: now, jitter: 0.5)
    }
  }

  func begin(_ file: ArchivedFile) throws -> StoreClaim? {
    let now = now
    return try commit { (transaction) throws(StorageError) in try transaction.beginStore(file, at: now) }
  }

  /// Fetches and stores all that is due.
  func keepAll(content: (FetchClaim) -> String = { "\($0.key)" }) throws {
    while true {
      let claims = try claim()
      guard !claims.isEmpty else { return }
      for claim in claims {
        guard case .fetched(let store) = try finish(claim, content: content(claim)) else { continue }
        try finish(store.file, .stored)
      }
    }
  }

  /// Removes what is to be removed, as the service does.
  ///
  /// - Returns: the objects that are gone.
  @discardableResult
  func dropAll() async throws -> [ArchiveDrop.Target] {
    var gone: [ArchiveDrop.Target] = []
    let now = now
    while true {
      let drops = try await drops()
      guard let drop = drops.first else { return gone }
      let step = try commit { (transaction) throws(StorageError) in try transaction.beginDrop(drop, at: now) }
      guard step == .remove else { continue }
      gone.append(drop.target)
      try commit { (transaction) throws(StorageError) in
        try transaction.finishDrop(drop, retry: nil, at: now)
      }
    }
  }

  /// 64 hexadecimal digits that differ for different texts.
  static func digest(_ text: String) -> String {
    let bytes = Array(text.utf8.prefix(32))
    let hex = bytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count < 2 ? "0" + text : text
    }.joined()
    return hex + String(repeating: "0", count: 64 - hex.count)
  }
}
