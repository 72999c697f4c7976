/// Uploaded files in memory, until they expire; the oldest are evicted.
///
/// At most ``maxTotalSize`` bytes and ``maxFiles`` files.
struct FileStore: Sendable {
  static let maxTotalSize = 256 * 1024 * 1024
  static let maxFiles = 1000

  struct File: Sendable {
    let id: String
    let name: String
    let contentType: String
    /// A JSON object, byte for byte as received.
    let metadata: [UInt8]
    let createdAt: Instant
    let expiresAt: Instant
    let sha256: String
    var entityTag: String { "\"" + sha256.prefix(32) + "\"" }
    let content: [UInt8]
  }

  /// Oldest first.
  private(set) var files: [File] = []
  private(set) var createdCount = 0
  private var totalSize = 0

  mutating func nextOrdinal() -> Int {
    createdCount += 1
    return createdCount
  }

  mutating func insert(_ file: File, at now: Instant) {
    removeExpired(at: now)
    files.append(file)
    totalSize += file.content.count
    while totalSize > Self.maxTotalSize || files.count > Self.maxFiles, files.count > 1 {
      totalSize -= files.removeFirst().content.count
    }
  }

  func file(_ id: String, at now: Instant) -> File? {
    files.first { $0.id == id && $0.expiresAt > now }
  }

  mutating func removeExpired(at now: Instant) {
    files.removeAll { $0.expiresAt <= now }
    totalSize = files.reduce(0) { $0 + $1.content.count }
  }

  /// False if there is no such file.
  mutating func remove(_ id: String, at now: Instant) -> Bool {
    removeExpired(at: now)
    guard let index = files.firstIndex(where: { $0.id == id }) else { return false }
    totalSize -= files.remove(at: index).content.count
    return true
  }
}
