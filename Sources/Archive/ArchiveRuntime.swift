internal import BlobStores
internal import Bytes
internal import Crypto
internal import Downloads
internal import EventLoop
internal import Glibc
internal import HTTPClient
internal import KeptFiles
internal import S3
internal import Synchronization
internal import System
internal import Time

/// What the routes and the service of one daemon share.
final class ArchiveRuntime: Sendable {
  /// The spool and the store, once they are open.
  struct Resources: Sendable {
    /// This daemon among those that share the database: a name that is kept in its spool.
    let node: String
    let spool: SpoolFolder
    let lock: SpoolLock
    let store: any BlobStore
    let folder: FolderStore?
    let bucket: BucketStore?
  }

  /// Why nothing is stored now.
  struct Pause: Equatable, Sendable {
    let code: ArchiveCode
    let message: String
    let since: Timestamp
  }

  /// What the service last found in the queue.
  struct Queue: Equatable, Sendable {
    var oldestWaiting: Timestamp?
    var nearestExpiry: Timestamp?
    var spoolBytes = 0
  }

  let configuration: ArchiveSettings
  let metrics = ArchiveMetrics()
  let isStopping = Atomic(false)
  private let resources = Lock<Resources?>(nil)
  private let timer = Lock<WakeableTimer?>(nil)
  private let canceledJobs = Lock<Set<Int64>>([])
  private let currentPause = Lock<Pause?>(nil)
  private let lastQueue = Lock(Queue())
  private let isWoken = Atomic(false)
  private let isReloaded = Atomic(false)

  init(_ configuration: ArchiveSettings) {
    self.configuration = configuration
  }

  // MARK: - The store and the spool

  /// Opens the spool and the store at first use.
  func open() throws -> Resources {
    try resources.withLock { known in
      if let known { return known }
      let spool = try SpoolFolder(configuration.spool)
      let lock = try SpoolLock(configuration.spool)
      let node = try Self.node(in: configuration.spool)
      let opened: Resources
      switch configuration.place {
      case .bucket(let bucket, let credentials):
        let store = BucketStore(bucket, credentials, publicURL: configuration.publicURL) { Self.now }
        opened = Resources(node: node, spool: spool, lock: lock, store: store, folder: nil, bucket: store)
      case .folder(let path):
        let store = FolderStore(path, node: node, publicURL: configuration.publicURL)
        opened = Resources(node: node, spool: spool, lock: lock, store: store, folder: store, bucket: nil)
      case nil: throw SystemError(call: "open \(configuration.spool)", number: ENOENT)
      }
      known = opened
      return opened
    }
  }

  static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// The name of this daemon, made with its spool.
  private static func node(in spool: String) throws -> String {
    let path = "\(spool)/node"
    if let text = OneLine.read(path, maxBytes: 64) { return text }
    let name = Hexadecimal.encode(RandomBytes.make(8))
    try OneLine.write(name, to: path)
    return name
  }

  /// Where a file of this daemon's spool is; nil for all others.
  func spoolPath(of file: ArchivedFile) -> String? {
    guard let opened = try? open(), file.state == .fetched, file.node == opened.node else { return nil }
    return opened.spool.path(of: SpoolKey(job: file.job, index: Int(file.n)))
  }

  /// Where a reader finds a stored file.
  func link(
    to file: ArchivedFile, disposition: String, for seconds: Int, method: String, at now: Timestamp
  ) -> BlobLink? {
    guard let sha256 = file.sha256, let opened = try? open() else { return nil }
    let head = BlobHead(type: file.type ?? "application/octet-stream", disposition: disposition)
    return opened.store.link(to: .content(sha256: sha256), as: head, for: seconds, method: method, at: now)
  }

  /// The address of a stored file that needs no signature; nil where none was configured.
  func publicURL(ofContent sha256: String) -> String? {
    guard configuration.publicURL != nil else { return nil }
    return (try? open())?.store.publicURL(of: .content(sha256: sha256))
  }

  /// Reads the credentials again, where they come from files, and ends a pause of the store.
  ///
  /// The bucket's rights may have changed as well as the credentials.
  func reload() {
    let files = configuration.credentialFiles
    if case .bucket(_, let old)? = configuration.place, files.keyID != nil || files.secretKey != nil,
      let bucket = (try? open())?.bucket,
      let new = old.replacing(
        keyID: files.keyID.flatMap { OneLine.readAll($0) },
        secretText: files.secretKey.flatMap { OneLine.readAll($0) })
    {
      bucket.update(new)
    }
    isReloaded.store(true, ordering: .releasing)
    wake()
  }

  // MARK: - The service

  func begin(with timer: WakeableTimer) { self.timer.withLock { $0 = timer } }

  /// Lets the service look at everything now.
  func wake() {
    isWoken.store(true, ordering: .releasing)
    timer.withLock { $0 }?.wake()
  }

  func takeWake() -> Bool { isWoken.exchange(false, ordering: .acquiring) }

  /// Whether the credentials were read again, so that the store may take files again.
  func takeReload() -> Bool { isReloaded.exchange(false, ordering: .acquiring) }

  /// Ends the transfers of a job whose files were deleted.
  func cancelTransfers(ofJob job: Int64) {
    canceledJobs.withLock { _ = $0.insert(job) }
    wake()
  }

  func isCanceled(_ key: SpoolKey) -> Bool {
    isStopping.load(ordering: .relaxed) || canceledJobs.withLock { $0.contains(key.job) }
  }

  func endCancellation(ofJob job: Int64) { canceledJobs.withLock { _ = $0.remove(job) } }

  /// Forgets the jobs that have no transfer to end.
  func endCancellations(except jobs: some Sequence<Int64>) {
    canceledJobs.withLock { $0.formIntersection(jobs) }
  }

  var pause: Pause? {
    get { currentPause.withLock { $0 } }
    set { currentPause.withLock { $0 = newValue } }
  }

  var queue: Queue {
    get { lastQueue.withLock { $0 } }
    set { lastQueue.withLock { $0 = newValue } }
  }

  /// Of the spool's file system, for users other than root.
  var freeBytes: Int { (try? open())?.spool.freeBytes ?? 0 }
}

/// Keeps other daemons from a spool: each would remove the files of the other.
final class SpoolLock: Sendable {
  private let descriptor: Int32

  /// Two daemons have one spool.
  struct InUse: Error, CustomStringConvertible {
    let path: String

    var description: String {
      "another daemon uses the spool \(path): start each in a working directory of its own"
    }
  }

  init(_ spool: String) throws {
    let path = "\(spool)/lock"
    descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw SystemError(call: "open \(path)", number: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw errno == EWOULDBLOCK ? InUse(path: spool) : SystemError(call: "flock \(path)", number: errno)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}

/// Small files of one line.
enum OneLine {
  /// Nil where the file is missing or empty, or holds more.
  static func read(_ path: String, maxBytes: Int) -> String? {
    guard let text = readAll(path, maxBytes: maxBytes) else { return nil }
    let line = text.split(whereSeparator: \.isWhitespace)
    return line.count == 1 ? String(line[0]) : nil
  }

  static func readAll(_ path: String, maxBytes: Int = 16 * 1024) -> String? {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
    let count = Glibc.read(file, &bytes, bytes.count)
    guard count > 0, count <= maxBytes else { return nil }
    return String(validating: bytes[..<count], as: UTF8.self)
  }

  /// Writes a file that survives a power cut, in place of an earlier one.
  static func write(_ text: String, to path: String) throws(SystemError) {
    let partial = "\(path).new"
    let file = Glibc.open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw SystemError(call: "open \(partial)", number: errno) }
    defer { close(file) }
    guard Glibc.write(file, text, text.utf8.count) == text.utf8.count, fsync(file) == 0 else {
      throw SystemError(call: "write \(partial)", number: errno)
    }
    guard rename(partial, path) == 0 else { throw SystemError(call: "rename \(path)", number: errno) }
  }
}
