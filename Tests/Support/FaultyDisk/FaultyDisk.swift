internal import FaultyVFS
internal import Glibc
internal import Scratch

/// A folder on a disk that fails on demand.
///
/// It records every event.
///
/// It is removed at deinit.
package final class FaultyDisk {
  private let scratch: ScratchFolder
  package var folder: String { scratch.path }
  package var path: String { folder + "/jobs.db" }
  private let disk: OpaquePointer

  package init() throws {
    // In memory where possible, because durability is derived from the record, not from this disk.
    scratch = try ScratchFolder(isInMemory: true)
    guard let created = faulty_disk_create(scratch.path) else { throw NoDisk() }
    disk = created
  }

  deinit {
    faulty_disk_destroy(disk)
  }

  private struct NoDisk: Error {}

  /// Creates a disk that already holds `files`, by name.
  package convenience init(holding files: [String: [UInt8]]) throws {
    try self.init()
    for (name, bytes) in files { try File.write(bytes, to: folder + "/" + name) }
  }

  /// The current files, as another process would find them after a kill.
  package func files() -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in ["jobs.db", "jobs.db-wal", "jobs.db-journal"] {
      files[name] = File.read(folder + "/" + name)
    }
    return files
  }

  /// The number of recorded events.
  package var eventCount: Int { Int(faulty_disk_event_count(disk)) }

  /// All recorded events, in order.
  package func record() -> [DiskEvent] {
    (0..<faulty_disk_event_count(disk)).map { DiskEvent(faulty_disk_event(disk, $0)) }
  }

  package func arm(_ fault: Fault) {
    faulty_disk_fail(disk, fault.plan)
  }

  /// Disarms the fault.
  ///
  /// - Returns: the number of calls that failed since it was armed.
  @discardableResult
  package func heal() -> Int { Int(faulty_disk_heal(disk)) }
}

/// The calls that fail, and their error.
package struct Fault: CustomStringConvertible, Sendable {
  package let call: DiskCall
  /// The first failing call, from 1.
  package var first: Int
  package let isPersistent: Bool
  /// SQLite's result code.
  package let code: Int32
  /// Only calls for this byte of the database file. Nil for all calls.
  package var offset: Int?

  package init(
    call: DiskCall, first: Int = 1, isPersistent: Bool = false, code: Int32, offset: Int? = nil
  ) {
    self.call = call
    self.first = first
    self.isPersistent = isPersistent
    self.code = code
    self.offset = offset
  }

  var plan: faulty_plan {
    faulty_plan(
      call: call.code, first: Int64(first), persistent: isPersistent, code: code,
      offset: Int64(offset ?? -1))
  }

  package var description: String {
    "\(call) \(first)\(isPersistent ? " and all later" : "") with code \(code)"
  }
}

package enum DiskCall: Sendable {
  case read, write, sync, truncate, open, lock, size, delete, sharedMemory

  var code: faulty_call {
    switch self {
    case .read: FAULTY_READ
    case .write: FAULTY_WRITE
    case .sync: FAULTY_SYNC
    case .truncate: FAULTY_TRUNCATE
    case .open: FAULTY_OPEN
    case .lock: FAULTY_LOCK
    case .size: FAULTY_SIZE
    case .delete: FAULTY_DELETE
    case .sharedMemory: FAULTY_SHARED_MEMORY
    }
  }
}

/// One event of a file.
package struct DiskEvent {
  package enum Kind {
    case created
    case written(at: Int, [UInt8])
    case truncated(to: Int)
    case synced
    case syncFailed
    case folderSynced
    case deleted
    case deletedDurably
  }

  package let name: String
  package let kind: Kind

  init(_ event: faulty_event) {
    name = String(cString: event.name)
    kind =
      switch event.kind {
      case FAULTY_CREATED: .created
      case FAULTY_WRITTEN:
        .written(
          at: Int(event.offset), Array(UnsafeBufferPointer(start: event.bytes, count: Int(event.length))))
      case FAULTY_TRUNCATED: .truncated(to: Int(event.offset))
      case FAULTY_SYNCED: .synced
      case FAULTY_SYNC_FAILED: .syncFailed
      case FAULTY_FOLDER_SYNCED: .folderSynced
      case FAULTY_DELETED: .deleted
      default: .deletedDurably
      }
  }
}
