internal import Bytes
internal import Crypto
internal import Glibc
internal import System
package import Time

/// Files below a folder of this machine, or of a file system that several nodes share.
///
/// A file appears under its name when all of it is on the disk. Until then it is in `.partial`, under a name
/// that begins with the node's, because no node may remove the unfinished files of another.
package final class FolderStore: BlobStore {
  let path: String
  let node: String
  let calls: any FileCalls
  private let publicURL: PublicURL?
  private let flushed = Lock<Set<String>>([])

  package static let partialFolder = ".partial"
  private static let foldersOfStore = ["sha256", "jobs", partialFolder, nodesFolder]

  /// - Parameters:
  ///   - path: absolute.
  ///   - node: the name of this node, which no other has.
  package convenience init(_ path: String, node: String, publicURL: PublicURL? = nil) {
    self.init(path, node: node, publicURL: publicURL, calls: LinuxFiles())
  }

  init(_ path: String, node: String, publicURL: PublicURL? = nil, calls: any FileCalls) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.node = PercentEncoding.encode(node)
    self.publicURL = publicURL
    self.calls = calls
  }

  /// Creates the folders, and removes what this node left unfinished. Call it at start.
  package func prepare() throws(BlobFailure) {
    try reportingFailures { () throws(SystemError) in
      if try calls.makeFolder(path) { try calls.flush(parent) }
      for folder in Self.foldersOfStore { try calls.makeFolder("\(path)/\(folder)") }
      try calls.flush(path)
      let folder = "\(path)/\(Self.partialFolder)"
      for name in try calls.names(in: folder) where name.hasPrefix("\(node)~") {
        try calls.remove("\(folder)/\(name)")
      }
    }
  }

  package func store(_ file: SpooledFile, isCanceled: @escaping () -> Bool) -> BlobOutcome {
    do throws(SystemError) {
      guard let size = try calls.size(of: file.path) else { return .missing }
      guard size == file.size else { return .damaged }
      try place(at: file.key, size: file.size) { partial throws(SystemError) in
        try linkOrCopy(file.path, to: partial, isCanceled: isCanceled)
      }
      return .stored
    } catch {
      return .failed(BlobFailure(error))
    }
  }

  package func write(
    _ document: [UInt8], to key: BlobKey, isCanceled: @escaping () -> Bool
  ) throws(BlobFailure) {
    try reportingFailures { () throws(SystemError) in
      try place(at: key, size: nil) { partial throws(SystemError) in
        try calls.write(document, to: partial)
        try calls.flush(partial)
      }
    }
  }

  package func remove(_ key: BlobKey, isCanceled: @escaping () -> Bool) throws(BlobFailure) {
    try reportingFailures { () throws(SystemError) in
      // Without the flush, a power cut could bring back a file that no row names any more.
      if try calls.remove(path(of: key)) { try calls.flush("\(path)/\(key.folder)") }
    }
  }

  package func contains(
    _ key: BlobKey, size: Int, isCanceled: @escaping () -> Bool
  ) throws(BlobFailure) -> Bool {
    try reportingFailures { () throws(SystemError) in try calls.size(of: path(of: key)) == size }
  }

  package func probe() throws(BlobFailure) {
    let content = RandomBytes.make(16)
    let partial = partialPath("probe")
    let bytes = try reportingFailures { () throws(SystemError) in
      defer { _ = try? calls.remove(partial) }
      try calls.write(content, to: partial)
      try calls.flush(partial)
      return try calls.read(partial, limit: content.count + 1)
    }
    guard bytes == content else {
      throw BlobFailure(.misconfigured, "\(path): a file was read that is not the one written")
    }
  }

  package func link(
    to key: BlobKey, as head: BlobHead, for seconds: Int, method: String, at now: Timestamp
  ) -> BlobLink? {
    publicURL(of: key).map { .redirect(url: $0) } ?? .file(path: path(of: key))
  }

  package func publicURL(of key: BlobKey) -> String? { publicURL?.url(of: key.path) }

  // MARK: placing

  private func path(of key: BlobKey) -> String { "\(path)/\(key.path)" }

  private var parent: String {
    let end = path.lastIndex(of: "/") ?? path.startIndex
    return end == path.startIndex ? "/" : String(path[..<end])
  }

  /// A name that is used once.
  private func partialPath(_ name: String) -> String {
    "\(path)/\(Self.partialFolder)/\(node)~\(name)~\(Hexadecimal.encode(RandomBytes.make(8)))"
  }

  /// Creates the file of `key`, unless it is there with that size.
  ///
  /// - Parameters:
  ///   - size: nil to replace it in any case.
  ///   - create: makes the file at another path, its content on the disk: after a power cut, a name must not
  ///     lead to content that is not there.
  private func place(
    at key: BlobKey, size: Int?, create: (_ partial: String) throws(SystemError) -> Void
  ) throws(SystemError) {
    try makeFolder(of: key)
    let target = path(of: key)
    let known = try calls.size(of: target)
    if known == nil || known != size {
      let partial = partialPath(key.name)
      // Also when all is well: rename(2) does nothing between two names of one file.
      defer { _ = try? calls.remove(partial) }
      try create(partial)
      try calls.rename(partial, to: target)
    }
    // Also where it was: an earlier attempt may have ended before this.
    try calls.flush("\(path)/\(key.folder)")
  }

  /// Creates the folder of `key`, and flushes its name once.
  ///
  /// The folders above are made at start alone: if the file system is not mounted any more, nothing may be
  /// written below its mount point.
  private func makeFolder(of key: BlobKey) throws(SystemError) {
    let folder = key.folder
    guard folder.contains("/"), !flushed.withLock({ $0.contains(folder) }) else { return }
    try calls.makeFolder("\(path)/\(folder)")
    try calls.flush("\(path)/\(folder.prefix { $0 != "/" })")
    flushed.withLock { _ = $0.insert(folder) }
  }

  /// Two names for one file cost no second copy, and no flush, because the spool has flushed the file.
  ///
  /// Other file systems, and some kinds of them, need a copy.
  private func linkOrCopy(
    _ source: String, to new: String, isCanceled: () -> Bool
  ) throws(SystemError) {
    do {
      try calls.link(source, to: new)
    } catch {
      guard [EXDEV, EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(error.number) else { throw error }
      try calls.copy(source, to: new, isCanceled: isCanceled)
      try calls.flush(new)
    }
  }

  func reportingFailures<Result>(
    _ body: () throws(SystemError) -> Result
  ) throws(BlobFailure) -> Result {
    do { return try body() } catch { throw BlobFailure(error) }
  }
}
