import BucketStub
import Bytes
import Crypto
import Foundation
import LiveDaemon
import PostgreSQLServer
import Testing

/// Where a daemon keeps its rows.
enum StoreKind: String, CaseIterable {
  case sqlite, postgresql

  static let available: [StoreKind] = PostgreSQLServer.isAvailable ? allCases : [.sqlite]
}

/// A daemon that keeps files, and the origin that they come from.
final class Keeper {
  let origin: Origin
  let folder: TemporaryFolder
  private(set) var daemon: Daemon
  private let environment: [String: String]
  private let wrapper: [String]
  /// Nil with SQLite.
  let database: TestDatabase?

  /// - Parameters:
  ///   - settings: the daemon's settings, beside those of the origin. `{folder}` stands for its folder.
  ///   - bucket: where files are kept; nil: a folder.
  ///   - wrapper: a command with arguments that executes the daemon.
  init(
    _ settings: [String: String] = [:], on kind: StoreKind = .sqlite, bucket: BucketStub? = nil,
    wrapper: [String] = []
  ) throws {
    origin = try Origin()
    folder = try TemporaryFolder()
    self.wrapper = wrapper
    database = kind == .postgresql ? try PostgreSQLServer.shared().makeDatabase() : nil
    var environment = [
      "REPLICATE_API_TOKEN": "r8_of_a_stand_in", "REPLICATE_API_URL": origin.url,
      "PUBLIC_URL": "https://hooks.example.com", "CREATES_PER_MINUTE": "60000", "LOG_LEVEL": "notice",
    ]
    if let bucket {
      environment.merge(bucket.settings) { $1 }
    } else {
      environment["ARCHIVE"] = "file:\(folder.url.path)/files"
    }
    if let database { environment["DATABASE_URL"] = database.url }
    let path = folder.url.path
    self.environment = environment.merging(settings) { $1 }.mapValues {
      $0.replacingOccurrences(of: "{folder}", with: path)
    }
    daemon = try Daemon(in: folder, environment: self.environment, wrapper: wrapper)
  }

  /// Starts a daemon again, in the same folder.
  func start(_ changes: [String: String] = [:]) throws {
    daemon = try Daemon(in: folder, environment: environment.merging(changes) { $1 }, wrapper: wrapper)
  }

  /// Starts another daemon on the same database, in a folder of its own.
  func startNode(_ changes: [String: String] = [:]) throws -> Daemon {
    try Daemon(in: try TemporaryFolder(), environment: environment.merging(changes) { $1 })
  }

  /// Reads the secrets again.
  func reload() { kill(daemon.process.processIdentifier, SIGHUP) }

  // MARK: Jobs

  /// Delivers the end of a prediction, which the daemon did not create, or of one that it did.
  ///
  /// - Parameter age: how many seconds ago it ended.
  func end(
    _ prediction: String, output: Any, status: String = "succeeded", age: TimeInterval = 0
  ) throws {
    let answer = try daemon.post(try Self.delivery(prediction, output, status, age))
    guard answer.status == 200 else {
      throw Unusable("refused: \(answer.status) \(answer.text); \(logEnd)")
    }
  }

  static func delivery(
    _ prediction: String, _ output: Any, _ status: String = "succeeded", _ age: TimeInterval = 0
  ) throws -> SignedDelivery {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    let end = Date(timeIntervalSinceNow: -age)
    let body = try JSONSerialization.data(withJSONObject: [
      "id": prediction, "status": status, "output": output, "model": "owner/name", "version": "hidden",
      "created_at": formatter.string(from: end.addingTimeInterval(-5)),
      "started_at": formatter.string(from: end.addingTimeInterval(-4)),
      "completed_at": formatter.string(from: end),
    ])
    return try SignedDelivery(id: "\(prediction)-\(status)", body: Array(body))
  }

  /// Creates a job, and returns the id of its prediction.
  func create(_ id: String, _ members: [String: Any] = [:]) throws -> String {
    let body = try JSONSerialization.data(
      withJSONObject: ["id": id, "model": "owner/name", "input": [:]].merging(members) { $1 })
    let answer = try daemon.post(String(decoding: body, as: UTF8.self))
    guard answer.status == 202 else { throw Unusable("no job was made: \(answer.status) \(answer.text)") }
    var prediction: String?
    try wait("the prediction of \(id)") {
      prediction = try job(id).predictionId
      return prediction != nil
    }
    return try #require(prediction)
  }

  func job(_ id: String) throws -> KeptJob {
    let answer = try daemon.fetch("/jobs/\(id)")
    guard answer.status == 200 else { throw Unusable("no job \(id): \(answer.text)") }
    return try KeptJob(answer.body)
  }

  /// Waits until the job's archive is in `state`.
  @discardableResult
  func await(_ id: String, _ state: String = "complete", seconds: Int = 20) throws -> KeptJob {
    var last: KeptJob?
    do {
      try wait("\(id) \(state)", seconds: seconds) {
        let job = try job(id)
        last = job
        return job.archive?.state == state ? true : Self.pause()
      }
    } catch {
      throw Unusable("\(error); \(describe(last))")
    }
    return try #require(last)
  }

  /// Waits until a file of the job meets `condition`.
  @discardableResult
  func awaitFile(
    _ id: String, _ n: Int = 0, _ what: String, seconds: Int = 20, _ condition: (KeptJob.File) -> Bool
  ) throws -> KeptJob.File {
    var last: KeptJob?
    do {
      try wait("file \(n) of \(id): \(what)", seconds: seconds) {
        let job = try job(id)
        last = job
        return job.files?.first { $0.n == n }.map(condition) == true ? true : Self.pause()
      }
    } catch {
      throw Unusable("\(error); \(describe(last))")
    }
    return try #require(last?.files?.first { $0.n == n })
  }

  /// Reads of jobs need not take what the daemon needs for its work.
  private static func pause() -> Bool {
    poll(nil, 0, 15)
    return false
  }

  /// The last lines of the daemon's log.
  private var logEnd: String {
    let text = (try? String(contentsOfFile: daemon.logPath, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(8).joined(separator: "\n")
  }

  private func describe(_ job: KeptJob?) -> String {
    guard let job else { return "no job; \(logEnd)" }
    return "\(logEnd); \(job.state) \(String(describing: job.archive)) \(job.files?.prefix(4) ?? [])"
  }

  // MARK: Files

  /// The answer with a file, through a redirect if there is one.
  func fetch(_ id: String, _ n: Int = 0) throws -> HTTPAnswer {
    let answer = try daemon.fetch("/jobs/\(id)/files/\(n)")
    guard answer.status == 302, let location = answer.fields["location"] else { return answer }
    let parts = location.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
    guard parts.count == 3, let port = parts[1].split(separator: ":").last.flatMap({ Int($0) }) else {
      throw Unusable("no location: \(location)")
    }
    let connection = try HTTPConnection(host: "127.0.0.1", port: port)
    try connection.send(Array("GET /\(parts[2]) HTTP/1.1\r\nHost: \(parts[1])\r\n\r\n".utf8))
    return try connection.receive()
  }

  /// Expects a stored file to be `bytes`, in the job and as it is served.
  func expectFile(
    _ id: String, _ n: Int = 0, is bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let file = try #require(try job(id).files?.first { $0.n == n }, sourceLocation: sourceLocation)
    #expect(file.state == "stored" && file.storedAt != nil, "\(file)", sourceLocation: sourceLocation)
    #expect(file.size == bytes.count, sourceLocation: sourceLocation)
    #expect(file.sha256 == Self.digest(bytes), sourceLocation: sourceLocation)
    #expect(file.url == "/jobs/\(id)/files/\(n)", sourceLocation: sourceLocation)
    let answer = try fetch(id, n)
    #expect(answer.status == 200 && answer.body == bytes, sourceLocation: sourceLocation)
  }

  var filesFolder: String { "\(folder.url.path)/files" }

  /// The paths of all kept files below the folder, without the lists of jobs.
  func keptFiles() -> Set<String> {
    let names = FileManager.default.enumerator(atPath: "\(filesFolder)/sha256")?.allObjects as? [String] ?? []
    return Set(names.filter { $0.split(separator: "/").last?.count == 64 })
  }

  /// The names of what is in the spool.
  func spooled() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.url.path)/spool")) ?? []
    return names.filter { $0.first?.isNumber == true }.sorted()
  }

  /// A sample of the daemon's metrics.
  func metric(_ sample: String) throws -> Double {
    let line = try daemon.fetch("/metrics").text.split(separator: "\n").first {
      $0.hasPrefix("replicate_webhookd_\(sample) ")
    }
    return try #require(line?.split(separator: " ").last.flatMap { Double($0) }, "\(sample)")
  }

  static func digest(_ bytes: [UInt8]) -> String { Hexadecimal.encode(SHA256().digest(of: bytes.span)) }

  /// Bytes that differ by seed and by place. They begin as a PNG.
  static func bytes(_ count: Int, seed: UInt64 = 0) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1
    let block: [UInt8] = (0..<min(count, 65_521)).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      var part = block
      if part.count > 1 { part[1] = UInt8(truncatingIfNeeded: bytes.count / block.count) }
      bytes += part.prefix(count - bytes.count)
    }
    let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    if count > signature.count { bytes.replaceSubrange(..<signature.count, with: signature) }
    return bytes
  }
}

extension BucketStub {
  /// The daemon's settings for this bucket.
  var settings: [String: String] {
    [
      "ARCHIVE": "s3://\(bucket)/kept", "ARCHIVE_ENDPOINT": endpoint, "ARCHIVE_REGION": region,
      "ARCHIVE_KEY_ID": TestKey.id, "ARCHIVE_SECRET_KEY": TestKey.secret,
    ]
  }

  /// The keys of the objects that are files.
  var files: Set<String> { Set(objects.keys.filter { $0.hasPrefix("kept/sha256/") }) }
}
