internal import CSQLite

/// Lets what SQLite writes to its log reach the system many frames at once.
///
/// SQLite writes a frame in two calls, 24 bytes and then the page, and a commit of sixty deliveries has nearly two hundred
/// frames, one behind the other. Nobody needs them before SQLite syncs, or reads what it wrote: until then they are kept, and
/// become one call. A write that fails late fails the sync, and so the commit; what is kept is tried again with the next
/// call. That is within what SQLite expects of a file (https://www.sqlite.org/c3ref/io_methods.html).
///
/// Other connections must not be told of frames that are still kept here. They are not, with `synchronous=FULL`: SQLite syncs
/// a commit before it publishes it. The database itself is another matter: what a checkpoint has moved there is often
/// published without a sync.
struct GatheredWrites {
  private let kept: UnsafeMutableRawBufferPointer
  private var keptCount = 0
  /// Where in the file the first byte of what is kept belongs.
  private var keptOffset: Int64 = 0

  /// Bytes kept at most: 31 frames. SQLite's own xWrite takes no more than 131,071 bytes (`seekAndWriteFd` in os_unix.c).
  private static let capacity = 31 * (24 + 4096)

  private typealias Log = InterposedFile<Self>

  /// Gathers the writes to the log that `connection` has open, until SQLite closes it.
  static func attachToLog(of connection: Connection) {
    guard let file = connection.logFile else { return }
    Log.interpose(in: file, Self()) { methods in
      methods.xWrite = { file, bytes, count, offset in Self.write(bytes, Int(count), at: offset, to: file) }
      methods.xRead = { file, target, count, offset in
        Self.afterFlush(of: file) { $0.xRead?(file, target, count, offset) }
      }
      methods.xSync = { file, flags in Self.afterFlush(of: file) { $0.xSync?(file, flags) } }
      methods.xTruncate = { file, size in Self.afterFlush(of: file) { $0.xTruncate?(file, size) } }
      methods.xFileSize = { file, size in Self.afterFlush(of: file) { $0.xFileSize?(file, size) } }
      methods.xClose = { file in
        // What no sync has asked for is part of no commit, and is left.
        Log.of(file).pointee.state.kept.deallocate()
        return Log.close(file)
      }
    }
  }

  private init() {
    kept = .allocate(byteCount: Self.capacity, alignment: 4096)
  }

  private static func write(
    _ bytes: UnsafeRawPointer?, _ count: Int, at offset: Int64, to file: Log.File?
  ) -> Int32 {
    let log = Log.of(file)
    if !log.pointee.state.hasRoom(for: count, at: offset) {
      let code = flush(file)
      guard code == SQLITE_OK else { return code }
    }
    guard log.pointee.state.keep(bytes, count, at: offset) else {
      return log.pointee.original.pointee.xWrite?(file, bytes, Int32(count), offset) ?? SQLITE_IOERR
    }
    return SQLITE_OK
  }

  private static func afterFlush(
    of file: Log.File?, _ call: (sqlite3_io_methods) -> Int32?
  ) -> Int32 {
    let code = flush(file)
    return code == SQLITE_OK ? call(Log.of(file).pointee.original.pointee) ?? SQLITE_IOERR : code
  }

  private static func flush(_ file: Log.File?) -> Int32 {
    let log = Log.of(file)
    let state = log.pointee.state
    guard state.keptCount > 0 else { return SQLITE_OK }
    let code =
      log.pointee.original.pointee.xWrite?(
        file, state.kept.baseAddress, Int32(state.keptCount), state.keptOffset) ?? SQLITE_IOERR
    if code == SQLITE_OK { log.pointee.state.keptCount = 0 }
    return code
  }

  private func hasRoom(for count: Int, at offset: Int64) -> Bool {
    offset == keptOffset + Int64(keptCount) && count <= kept.count - keptCount
  }

  /// False where there is no room even when nothing is kept.
  private mutating func keep(_ bytes: UnsafeRawPointer?, _ count: Int, at offset: Int64) -> Bool {
    guard count <= kept.count - keptCount else { return false }
    if keptCount == 0 { keptOffset = offset }
    UnsafeMutableRawBufferPointer(rebasing: kept[keptCount..<keptCount + count])
      .copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
    keptCount += count
    return true
  }
}
