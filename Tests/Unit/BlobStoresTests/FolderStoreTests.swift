import BlobStores
import Foundation
import LiveDaemon
import Testing
import Time

/// Files in a folder of a real file system.
@Suite struct FolderStoreTests {
  private let spool: Spool
  private let folder: TemporaryFolder
  private let path: String
  private let store: FolderStore

  init() throws {
    spool = try Spool()
    folder = try TemporaryFolder()
    path = folder.url.appendingPathComponent("files").path
    store = FolderStore(path, node: "one")
    try store.prepare()
  }

  private func content(_ file: SpooledFile, in path: String? = nil) -> [UInt8]? {
    FileManager.default.contents(atPath: "\(path ?? self.path)/\(file.key.path)").map(Array.init)
  }

  private func mode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test(arguments: [0, 1, 5_000_000])
  func `a stored file has its bytes, and the spool keeps it`(_ size: Int) throws {
    let bytes = Spool.bytes(size)
    let file = try spool.file(bytes)
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(content(file) == bytes)
    #expect(FileManager.default.fileExists(atPath: file.path))
    #expect(try store.contains(file.key, size: size, isCanceled: never))
    #expect(try !store.contains(file.key, size: size + 1, isCanceled: never))
    let now = Timestamp(milliseconds: 0)
    let link = store.link(to: file.key, as: BlobHead(type: "a/b", disposition: "inline"), for: 60, at: now)
    #expect(link == .file(path: "\(path)/\(file.key.path)"))
    try store.remove(file.key, isCanceled: never)
    #expect(try files(below: path) == [])
    try store.remove(file.key, isCanceled: never)
    #expect(try !store.contains(file.key, size: size, isCanceled: never))
  }

  @Test func `equal bytes of two files are one file`() throws {
    let bytes = Spool.bytes(1000)
    let first = try spool.file(bytes)
    #expect(store.store(first, isCanceled: never) == .stored)
    let node = try FileManager.default.attributesOfItem(atPath: "\(path)/\(first.key.path)")[
      .systemFileNumber]
    #expect(store.store(try spool.file(bytes), isCanceled: never) == .stored)
    let again = try FileManager.default.attributesOfItem(atPath: "\(path)/\(first.key.path)")[
      .systemFileNumber]
    #expect(node as? Int == again as? Int)
    #expect(try files(below: path) == [first.key.path])
  }

  @Test func `a file of another length is replaced`() throws {
    let bytes = Spool.bytes(1000)
    let file = try spool.file(bytes)
    #expect(store.store(file, isCanceled: never) == .stored)
    try FileManager.default.removeItem(atPath: "\(path)/\(file.key.path)")
    try Data([1]).write(to: URL(fileURLWithPath: "\(path)/\(file.key.path)"))
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(content(file) == bytes)
  }

  @Test func `files of the spool that are missing, or shorter, are not stored`() throws {
    let file = try spool.file([1, 2])
    try Data([1]).write(to: URL(fileURLWithPath: file.path))
    #expect(store.store(file, isCanceled: never) == .damaged)
    try FileManager.default.removeItem(atPath: file.path)
    #expect(store.store(file, isCanceled: never) == .missing)
    #expect(try files(below: path) == [])
  }

  @Test(.enabled(if: access("/dev/shm", W_OK) == 0, "/dev/shm is not writable"))
  func `a spool on another file system is copied from`() throws {
    let path = "/dev/shm/replicate-webhookd-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let store = FolderStore(path, node: "one")
    try store.prepare()
    let bytes = Spool.bytes(3_000_000)
    let file = try spool.file(bytes)
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(content(file, in: path) == bytes)
    #expect(try files(below: path) == [file.key.path])
    #expect(try mode("\(path)/\(file.key.path)") == 0o600)
    let canceled = try spool.file(Spool.bytes(3_000_000, seed: 1))
    guard case .failed(let failure) = store.store(canceled, isCanceled: { true }) else {
      Issue.record("stored though it was canceled")
      return
    }
    #expect(failure.code == .canceled)
    #expect(try files(below: path) == [file.key.path])
  }

  @Test func `folders are for their owner alone`() throws {
    for name in ["", "/sha256", "/jobs", "/.partial", "/.nodes"] {
      #expect(try mode(path + name) == 0o700)
    }
    let document = BlobKey.manifest(job: "poster-17")
    try store.write(Array("{}".utf8), to: document, isCanceled: never)
    try store.write(Array("{\"id\":1}".utf8), to: document, isCanceled: never)
    #expect(try mode("\(path)/jobs/poster-17.json") == 0o600)
    #expect(FileManager.default.contents(atPath: "\(path)/jobs/poster-17.json") == Data("{\"id\":1}".utf8))
    try store.remove(document, isCanceled: never)
    #expect(try files(below: path) == [])
  }

  @Test func `a start removes what its own node has left, and nothing else`() throws {
    let own = "\(path)/.partial/one~abc~1"
    let other = "\(path)/.partial/one-too~abc~1"
    for name in [own, other] { try Data([1]).write(to: URL(fileURLWithPath: name)) }
    try FolderStore("\(path)/", node: "one").prepare()
    #expect(try files(below: path) == [".partial/one-too~abc~1"])
  }

  @Test func `the probe leaves nothing, and names the step that fails`() throws {
    try store.probe()
    #expect(try files(below: path) == [])
    try FileManager.default.removeItem(atPath: path)
    let error = #expect(throws: BlobFailure.self) { try store.probe() }
    #expect(error?.code == .unreachable)
    #expect(error?.message.hasPrefix("open \(path)/.partial/one~probe~") == true)
  }

  @Test func `a folder that cannot be made is reported with its path`() throws {
    try Data([1]).write(to: URL(fileURLWithPath: folder.url.path + "/plain"))
    let store = FolderStore(folder.url.path + "/plain/files", node: "one")
    let error = #expect(throws: BlobFailure.self) { try store.prepare() }
    #expect(error == BlobFailure(.misconfigured, "mkdir \(folder.url.path)/plain/files: Not a directory"))
  }

  @Test func `threads store the same file beside each other`() async throws {
    let bytes = Spool.bytes(100_000)
    let spooled = try (0..<16).map { _ in try spool.file(bytes) }
    let outcomes = await withTaskGroup(of: BlobOutcome.self) { group in
      for file in spooled { group.addTask { [store] in store.store(file, isCanceled: never) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes == Array(repeating: .stored, count: 16))
    #expect(try files(below: path) == [spooled[0].key.path])
    #expect(content(spooled[0]) == bytes)
  }

  // MARK: several nodes

  @Test func `nodes that share a folder find each other's files`() throws {
    let two = FolderStore(path, node: "two/../1")
    try two.prepare()
    let texts = ["one": try store.announce(), "two/../1": try two.announce()]
    #expect(try store.missingNodes(of: texts) == [])
    #expect(try two.missingNodes(of: texts) == [])
    // A start that replaces the text is noticed by one that knows the old one.
    _ = try two.announce()
    #expect(try store.missingNodes(of: texts) == ["two/../1"])
    try two.withdraw()
    try two.withdraw()
    #expect(try files(below: path) == [".nodes/one"])
  }

  @Test func `a node with a folder of its own is found to have one`() throws {
    let other = FolderStore(folder.url.appendingPathComponent("other").path, node: "two")
    try other.prepare()
    let texts = ["one": try store.announce(), "two": try other.announce(), "three": "abc"]
    #expect(try store.missingNodes(of: texts) == ["three", "two"])
    #expect(try other.missingNodes(of: texts) == ["one", "three"])
  }
}
