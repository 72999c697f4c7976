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
///
/// SQLite finds the methods of a file by a pointer, which is made to lead to ours. They lie at the front of what they work
/// on, and find it by the same pointer.
struct GatheredWrites {
  private var methods: sqlite3_io_methods
  private let original: UnsafePointer<sqlite3_io_methods>
  private let kept: UnsafeMutableRawBufferPointer
  private var keptCount = 0
  /// Where in the file the first byte of what is kept belongs.
  private var keptOffset: Int64 = 0

  /// Bytes kept at most: 31 frames. SQLite's own xWrite takes no more than 131,071 bytes (`seekAndWriteFd` in os_unix.c).
  private static let capacity = 31 * (24 + 4096)

  private typealias File = UnsafeMutablePointer<sqlite3_file>

  /// Gathers the writes to the log that `connection` has open, until SQLite closes it.
  static func attachToLog(of connection: Connection) {
    guard let file = connection.logFile, let original = file.pointee.pMethods else { return }
    let writes = UnsafeMutablePointer<Self>.allocate(capacity: 1)
    writes.initialize(to: Self(in: original))
    file.pointee.pMethods = UnsafeRawPointer(writes).assumingMemoryBound(to: sqlite3_io_methods.self)
  }

  private init(in original: UnsafePointer<sqlite3_io_methods>) {
    self.original = original
    kept = .allocate(byteCount: Self.capacity, alignment: 4096)
    methods = original.pointee
    methods.xWrite = { file, bytes, count, offset in
      Self.of(file).pointee.write(bytes, Int(count), at: offset, to: file)
    }
    methods.xRead = { file, target, count, offset in
      Self.of(file).pointee.afterFlush(of: file) { $0.xRead?(file, target, count, offset) }
    }
    methods.xSync = { file, flags in
      Self.of(file).pointee.afterFlush(of: file) { $0.xSync?(file, flags) }
    }
    methods.xTruncate = { file, size in
      Self.of(file).pointee.afterFlush(of: file) { $0.xTruncate?(file, size) }
    }
    methods.xFileSize = { file, size in
      Self.of(file).pointee.afterFlush(of: file) { $0.xFileSize?(file, size) }
    }
    methods.xClose = { Self.close($0) }
  }

  private static func of(_ file: File?) -> UnsafeMutablePointer<Self> {
    // SQLite calls a file's methods with that file, whose methods are ours until it is closed.
    UnsafeMutableRawPointer(mutating: file.unsafelyUnwrapped.pointee.pMethods)
      .assumingMemoryBound(to: Self.self)
  }

  private mutating func write(_ bytes: UnsafeRawPointer?, _ count: Int, at offset: Int64, to file: File?)
    -> Int32
  {
    if offset != keptOffset + Int64(keptCount) || count > kept.count - keptCount {
      let code = flush(to: file)
      guard code == SQLITE_OK else { return code }
      keptOffset = offset
    }
    guard count <= kept.count else {
      return original.pointee.xWrite?(file, bytes, Int32(count), offset) ?? SQLITE_IOERR
    }
    UnsafeMutableRawBufferPointer(rebasing: kept[keptCount..<keptCount + count])
      .copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
    keptCount += count
    return SQLITE_OK
  }

  private mutating func flush(to file: File?) -> Int32 {
    guard keptCount > 0 else { return SQLITE_OK }
    let code = original.pointee.xWrite?(file, kept.baseAddress, Int32(keptCount), keptOffset) ?? SQLITE_IOERR
    if code == SQLITE_OK { keptCount = 0 }
    return code
  }

  private mutating func afterFlush(of file: File?, _ call: (sqlite3_io_methods) -> Int32?) -> Int32 {
    let code = flush(to: file)
    return code == SQLITE_OK ? call(original.pointee) ?? SQLITE_IOERR : code
  }

  /// What no sync has asked for is part of no commit, and is left.
  private static func close(_ file: File?) -> Int32 {
    let writes = of(file)
    let original = writes.pointee.original
    writes.pointee.kept.deallocate()
    writes.deinitialize(count: 1)
    writes.deallocate()
    file?.pointee.pMethods = original
    return original.pointee.xClose?(file) ?? SQLITE_IOERR
  }
}
