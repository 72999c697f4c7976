@testable import APITokens
@testable import Archive
@testable import KeptFiles
import BlobStores
import ChangeFeed
import ClientAddress
import Crypto
@testable import EventLoop
import Foundation
@testable import GroupCommit
import HTTPServer
import HTTPWire
import JobRequests
import Jobs
import JobsAPI
import Ledger
import LiveDaemon
import Logging
@testable import Observability
import Routing
@testable import Scheduler
import Settings
import StoreFixture
import StoreSeam
import System
import Tables
@testable import Time

/// The jobs API with kept files, over a store of the suite's kind and the kernel's sockets.
///
/// No service runs: the rows and the files of the archive are what a test has put there.
final class ArchiveServer {
  static let apiToken = "0123456789abcdef0123"
  static let jobToken = "rt_of-the-test"
  let folder: TemporaryFolder
  let archive: Archive
  private let port: Int
  private let backend: any StoreBackend
  private let queue: CommitQueue
  private let loop: EventLoop
  private let server: Server
  private let threads: [System.Thread]
  private let reader: any StoreReader

  /// - Parameters:
  ///   - settings: those of the archive besides `ARCHIVE`; with one of `ARCHIVE`, that one.
  ///   - tokenLifetime: of the token of every job.
  init(_ settings: [String: String] = [:], tokenLifetime: Int64 = 86_400_000) throws {
    folder = try TemporaryFolder()
    let path = folder.url.path
    for name in ["files", "spool"] {
      try FileManager.default.createDirectory(
        atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    }
    var environment = ["ARCHIVE": "file:\(path)/files", "DATABASE_URL": "sqlite:\(path)/jobs.db"]
    environment.merge(settings) { $1 }
    let others = [SettingVariable("REPLICATE_API_URL"), SettingVariable("DATABASE_URL", isSecret: true)]
    var reader = SettingsReader(variables: Archive.settings + others, environment: environment) { _ in nil }
    let archive = try reader.read { Archive(from: &$0) }
    (self.archive, backend, queue) = (
      archive, try StoreKind.current.makeBackend(isDurable: false), CommitQueue()
    )
    let kernel = try LinuxKernel()
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 64)
    guard case .ipv4(_, let port) = listener.bound else { throw Unusable("no port") }
    let (loop, queue) = (EventLoop(kernel: kernel), queue)
    let commits = try Self.makeCommitter(backend, archive, queue)
    let handler = try Self.makeHandler(
      loop, queue, archive, try backend.openReader(), tokenLifetime: tokenLifetime)
    let server = Server(loop: loop, limits: ServerLimits(), handler: handler)
    loop.start {
      _ = try? await server.run(listeningOn: [ServerSocket(descriptor: listener.descriptor)])
      loop.stop()
    }
    (self.port, self.loop, self.server) = (Int(port), loop, server)
    self.reader = try backend.openReader()
    threads = [
      try System.Thread(named: "commits") { commits.committer.run() },
      try System.Thread(named: "api") { loop.run() },
    ]
  }

  deinit {
    loop.start { [server] in await server.drain() }
    threads[1].join()
    queue.close()
    threads[0].join()
  }

  private static func makeCommitter(
    _ backend: any StoreBackend, _ archive: Archive, _ queue: CommitQueue
  ) throws -> Commits {
    let ledger = Ledger(
      store: try backend.open(tables: Archive.tables), hooks: [archive.hook].compactMap(\.self))
    let committer = Committer(
      ledger: ledger, queue: queue, metrics: CommitMetrics(queue: queue),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    return Commits(committer: committer)
  }

  /// `@unchecked Sendable`: one thread uses it.
  private struct Commits: @unchecked Sendable {
    let committer: Committer
  }

  private static func makeHandler(
    _ loop: EventLoop, _ queue: CommitQueue, _ archive: Archive, _ reader: sending any StoreReader,
    tokenLifetime: Int64
  ) throws -> sending RouteHandler {
    let views = JobViews(
      loop: loop, reader: reader, pace: CreationPace(), adding: [archive.jobMembers].compactMap(\.self))
    let metrics = JobsAPIMetrics()
    let changes = ChangeFeed().makeReceiver(on: loop)
    let access = APIAccess(
      tokens: TokenList([BearerToken(apiToken)].compactMap(\.self)),
      readTokens: TestTokens(lifetime: tokenLifetime),
      now: { views.now })
    let reads = JobReads(views: views, changes: changes, metrics: metrics, trustedProxies: .none)
    let context = APIContext(
      views: views, access: access, reads: reads, metrics: metrics,
      recorder: Recorder(loop: loop, queue: queue), changes: changes, keys: StoredKeys([:]),
      limits: OrdersEndpoint.Limits(isConfigured: false, maxBodyBytes: 1024, maxQueued: 0), wakeScheduler: {})
    return RouteHandler(
      try RouteTable(
        JobsEndpoint(views: views, access: access, reads: reads).routes + archive.routes(context)))
  }
}

/// The token of every job.
private struct TestTokens: ReadTokenVerifier {
  let lifetime: Int64

  func hasForm(_ text: String) -> Bool { text.hasPrefix("rt_") }

  func expiry(of token: String, for jobID: String, at now: Timestamp) -> Timestamp? {
    token == ArchiveServer.jobToken ? now.advanced(byMilliseconds: lifetime) : nil
  }
}

private final class RouteHandler: RequestHandler, RefusalHandler {
  private let routes: RouteTable

  init(_ routes: RouteTable) { self.routes = routes }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    routes.admit(head, from: peer, refusals: self)
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Problem(refusal).response }

  func refuse(
    _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
  ) -> Response {
    problem.response
  }

  func observe(_ event: ConnectionEvent) {}
}

// MARK: - Requests

extension ArchiveServer {
  /// Sends a request with the API's token, on a connection of its own.
  ///
  /// - Parameter authorized: false sends no token.
  func send(
    _ path: String, method: String = "GET", _ fields: [String] = [], authorized: Bool = true
  ) throws -> HTTPAnswer {
    let connection = try HTTPConnection(host: "127.0.0.1", port: port)
    var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"] + fields
    if authorized { lines.append("Authorization: Bearer \(Self.apiToken)") }
    try connection.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    return try connection.receive(isHead: method == "HEAD")
  }

  /// A job's document.
  func document(of id: String) throws -> [String: Any] {
    let answer = try send("/jobs/\(id)")
    return try object(in: answer.body)
  }

  func object(in body: [UInt8]) throws -> [String: Any] {
    guard let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else {
      throw Unusable("no JSON object")
    }
    return object
  }
}

// MARK: - Rows and files

extension ArchiveServer {
  var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

  /// Commits, as the service would.
  @discardableResult
  func commit<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) throws -> Value {
    try queue.write(work).get()
  }

  /// Records the end of a job, or another state, and returns the job's number.
  @discardableResult
  func deliver(
    _ prediction: String, output: String = "null", _ phase: Phase = .succeeded
  ) async throws -> Int64 {
    let status = phase == .running ? "processing" : phase.rawValue
    let body = #"{"id":"\#(prediction)","status":"\#(status)","input":{},"output":\#(output)}"#
    let delivery = Delivery(
      webhookID: "\(prediction)-\(status)", receivedAt: now,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase, model: "owner/model",
        evidence: Evidence(
          logsSize: 0, outputSize: output == "null" ? 0 : output.utf8.count,
          digest: Sample.digest(of: body))),
      body: Array(body.utf8), namedJob: nil)
    try commit { (transaction) throws(StorageError) in _ = try transaction.record(delivery) }
    guard let record = try await reader.job(prediction) else { throw Unusable("no job") }
    return record.number
  }

  /// Replaces the rows of a job's files.
  func put(_ job: ArchivedJob, _ files: [ArchivedFile]) throws {
    try commit { (transaction) throws(StorageError) in
      transaction.write(.delete(ArchiveFileTable.declaration, key: [.integer(job.job)]))
      transaction.write(.put(ArchiveJobTable.declaration, job.values))
      for file in files { transaction.write(.put(ArchiveFileTable.declaration, file.values)) }
    }
  }

  func files(ofJob number: Int64) async throws -> [ArchivedFile] {
    var query = TableQuery(ArchiveFileTable.declaration, limit: 1000)
    query.prefix = [.integer(number)]
    return try await reader.rows(query).compactMap { ArchivedFile($0) }
  }

  /// A file of a job, with its bytes in the store or in the spool.
  func file(
    _ n: Int64 = 0, ofJob number: Int64, _ state: ArchiveFileState = .stored, content: [UInt8] = [],
    name: String = "out-0.png", type: String = "image/png"
  ) throws -> ArchivedFile {
    var file = ArchivedFile(
      job: number, n: n, at: "/output/\(n)", url: "https://replicate.delivery/x/\(n)", dueAt: now)
    let digest = SHA256().digest(of: content.span).map { String(format: "%02x", $0) }.joined()
    file.state = state
    switch state {
    case .stored, .fetched:
      (file.name, file.type, file.size, file.sha256) = (name, type, Int64(content.count), digest)
    case .waiting, .failed, .deleting, .deleted: break
    }
    if state == .fetched { file.node = try archive.runtime.open().node }
    if state == .stored { file.storedAt = now }
    guard let path = path(of: file) else { return file }
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(content).write(to: url)
    return file
  }

  /// Where the bytes of a file are on this machine.
  func path(of file: ArchivedFile) -> String? {
    switch file.state {
    case .fetched: return archive.runtime.spoolPath(of: file)
    case .stored:
      guard let sha256 = file.sha256 else { return nil }
      return "\(folder.url.path)/files/\(BlobKey.content(sha256: sha256).path)"
    default: return nil
    }
  }

  /// A job that has ended, with its files.
  func job(
    _ id: String = "poster", _ files: (ArchiveServer, Int64) throws -> [ArchivedFile]
  ) async throws -> Int64 {
    let number = try await deliver(id)
    let files = try files(self, number)
    var job = ArchivedJob(job: number, id: id, mode: .bestEffort, state: .complete)
    job.files = Int64(files.count)
    try put(job, files)
    return number
  }
}
