internal import FaultyVFS
internal import Glibc

/// A disk in memory on which the files of one database live, and on which a process can end at any write and the power
/// can go. Used by one thread at a time; used again for one run after the other.
package final class MemoryDisk {
  package let path: String
  private let folder: String
  private let disk: OpaquePointer

  private struct NoDisk: Error {}

  package init() throws {
    let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(place)/replicate-webhookd-memory-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw NoDisk() }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = folder + "/jobs.db"
    // The store looks whether its file is still in its place, for which it asks the file system and not SQLite.
    let placeholder = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    guard placeholder >= 0, let created = faulty_disk_create_in_memory(folder) else { throw NoDisk() }
    close(placeholder)
    disk = created
  }

  deinit {
    faulty_disk_destroy(disk)
    unlink(path)
    rmdir(folder)
  }

  /// A disk that holds nothing but a database with these bytes; nil: nothing at all.
  package func format(holding database: [UInt8]?) {
    faulty_disk_format(disk)
    if let database { faulty_disk_put(disk, "jobs.db", database, Int64(database.count)) }
  }

  /// What the database's file holds; empty where there is none.
  package var database: [UInt8] {
    var length: Int64 = 0
    guard let bytes = faulty_disk_get(disk, "jobs.db", &length) else { return [] }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(length)))
  }

  /// Files that SQLite has open.
  package var openFiles: Int { Int(faulty_disk_open_files(disk)) }
  /// Writes, syncs, truncations and deletions so far.
  package var changeCount: Int { Int(faulty_disk_change_count(disk)) }

  package func arm(_ fault: Fault) { faulty_disk_fail(disk, fault.plan) }

  package func heal() { faulty_disk_heal(disk) }
}

// MARK: - The end of a process

extension MemoryDisk {
  /// The `count`-th change from now (from 1) does not happen, and from then on every call fails. 0: it stops at once.
  package func stop(after count: Int) { faulty_disk_stop_after(disk, Int64(count)) }

  /// It does not stop by itself any more.
  package func keepRunning() { faulty_disk_stop_after(disk, -1) }

  package var hasStopped: Bool { faulty_disk_has_stopped(disk) }

  /// What becomes of writes that were not synced.
  package enum Loss: Sendable {
    /// The process alone has ended.
    case nothing
    /// Of ten sectors that were written since the last sync, about so many are kept.
    case power(seed: UInt64, kept: Int)
  }

  /// The disk as the next process finds it. No file may be open.
  package func start(after loss: Loss) {
    switch loss {
    case .nothing: faulty_disk_start(disk, false, 0, 0)
    case .power(let seed, let kept): faulty_disk_start(disk, true, seed, Int32(kept))
    }
  }

  /// From now on a sync means nothing, as on a disk that lies.
  package func ignoreSyncs() { faulty_disk_ignore_syncs(disk) }
}
