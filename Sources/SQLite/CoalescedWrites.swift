internal import CSQLite

/// Coalesces the writes of WAL frames into few system calls.
///
/// SQLite writes a frame in two calls, 24 bytes and then the page. A commit of sixty deliveries has nearly
/// two hundred contiguous frames. They are needed only when SQLite syncs or reads them, so until then they
/// are buffered and become one call. A deferred write that fails makes the sync fail, and so the commit; the
/// buffer is retried with the next call. SQLite permits this of a file
/// (https://www.sqlite.org/c3ref/io_methods.html).
///
/// Other connections must not see frames that are still buffered. With `synchronous=FULL` they do not,
/// because SQLite syncs a commit before it publishes it in the WAL index. The database file must not be
/// buffered like this: a checkpoint often publishes its progress there without a sync.
struct CoalescedWrites {
  private let buffer: UnsafeMutableRawBufferPointer
  private var bufferedCount = 0
  /// The file offset of the first buffered byte.
  private var bufferOffset: Int64 = 0

  /// The maximum of buffered bytes, 31 frames.
  ///
  /// SQLite's own xWrite takes at most 131,071 bytes (`seekAndWriteFd` in os_unix.c).
  private static let capacity = 31 * (24 + 4096)

  private typealias WAL = InterposedFile<Self>

  /// Coalesces the writes to the WAL of `connection` until SQLite closes the file.
  static func attachToWAL(of connection: Connection) {
    guard let file = connection.walFile else { return }
    WAL.interpose(in: file, Self()) { methods in
      methods.xWrite = { file, bytes, count, offset in Self.write(bytes, Int(count), at: offset, to: file) }
      methods.xRead = { file, target, count, offset in
        Self.afterFlush(of: file) { $0.xRead?(file, target, count, offset) }
      }
      methods.xSync = { file, flags in Self.afterFlush(of: file) { $0.xSync?(file, flags) } }
      methods.xTruncate = { file, size in Self.afterFlush(of: file) { $0.xTruncate?(file, size) } }
      methods.xFileSize = { file, size in Self.afterFlush(of: file) { $0.xFileSize?(file, size) } }
      methods.xClose = { file in
        // Frames that were never synced belong to no commit, and are dropped.
        WAL.of(file).pointee.state.buffer.deallocate()
        return WAL.close(file)
      }
    }
  }

  private init() {
    buffer = .allocate(byteCount: Self.capacity, alignment: 4096)
  }

  private static func write(
    _ bytes: UnsafeRawPointer?, _ count: Int, at offset: Int64, to file: WAL.File?
  ) -> Int32 {
    let wal = WAL.of(file)
    if !wal.pointee.state.hasRoom(for: count, at: offset) {
      let code = flush(file)
      guard code == SQLITE_OK else { return code }
    }
    guard wal.pointee.state.append(bytes, count, at: offset) else {
      return wal.pointee.original.pointee.xWrite?(file, bytes, Int32(count), offset) ?? SQLITE_IOERR
    }
    return SQLITE_OK
  }

  private static func afterFlush(
    of file: WAL.File?, _ call: (sqlite3_io_methods) -> Int32?
  ) -> Int32 {
    let code = flush(file)
    return code == SQLITE_OK ? call(WAL.of(file).pointee.original.pointee) ?? SQLITE_IOERR : code
  }

  private static func flush(_ file: WAL.File?) -> Int32 {
    let wal = WAL.of(file)
    let state = wal.pointee.state
    guard state.bufferedCount > 0 else { return SQLITE_OK }
    let code =
      wal.pointee.original.pointee.xWrite?(
        file, state.buffer.baseAddress, Int32(state.bufferedCount), state.bufferOffset) ?? SQLITE_IOERR
    if code == SQLITE_OK { wal.pointee.state.bufferedCount = 0 }
    return code
  }

  private func hasRoom(for count: Int, at offset: Int64) -> Bool {
    offset == bufferOffset + Int64(bufferedCount) && count <= buffer.count - bufferedCount
  }

  /// False where `count` exceeds even an empty buffer.
  private mutating func append(_ bytes: UnsafeRawPointer?, _ count: Int, at offset: Int64) -> Bool {
    guard count <= buffer.count - bufferedCount else { return false }
    if bufferedCount == 0 { bufferOffset = offset }
    UnsafeMutableRawBufferPointer(rebasing: buffer[bufferedCount..<bufferedCount + count])
      .copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
    bufferedCount += count
    return true
  }
}
