internal import FaultyVFS
internal import Glibc
internal import Scratch

/// A disk in memory with simulated process ends and power failures.
///
/// It holds the files of one database. A process can end at any write. Used by one thread at a time, and
/// reused for one run after the other.
package final class MemoryDisk {
  package let path: String
  private let scratch: ScratchFolder
  private let disk: OpaquePointer

  private struct NoDisk: Error {}

  package init() throws {
    scratch = try ScratchFolder(isInMemory: true)
    path = scratch.path + "/jobs.db"
    // The store checks with stat(2), not through SQLite, that its file is still in place.
    let placeholder = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    guard placeholder >= 0, let created = faulty_disk_create_in_memory(scratch.path) else { throw NoDisk() }
    close(placeholder)
    disk = created
  }

  deinit {
    faulty_disk_destroy(disk)
  }

  /// Formats the disk to hold only this database. Nil for none.
  package func format(holding database: [UInt8]?) {
    faulty_disk_format(disk)
    if let database { faulty_disk_put(disk, "jobs.db", database, Int64(database.count)) }
  }

  /// The bytes of the database file. Empty where there is none.
  package var database: [UInt8] {
    var length: Int64 = 0
    guard let bytes = faulty_disk_get(disk, "jobs.db", &length) else { return [] }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(length)))
  }

  /// The number of files that SQLite has open.
  package var openFiles: Int { Int(faulty_disk_open_files(disk)) }
  /// The number of writes, syncs, truncations and deletions so far.
  package var changeCount: Int { Int(faulty_disk_change_count(disk)) }

  package func arm(_ fault: Fault) { faulty_disk_fail(disk, fault.plan) }

  package func heal() { faulty_disk_heal(disk) }
}

// MARK: - The end of a process

extension MemoryDisk {
  /// Stops the disk at the `count`-th change from now, from 1.
  ///
  /// That change and every later call fail.
  ///
  /// 0 stops at once.
  package func stop(after count: Int) { faulty_disk_stop_after(disk, Int64(count)) }

  /// Cancels ``stop(after:)``.
  package func keepRunning() { faulty_disk_stop_after(disk, -1) }

  package var hasStopped: Bool { faulty_disk_has_stopped(disk) }

  /// The loss of writes that were not synced.
  package enum Loss: Sendable {
    /// Only the process has ended.
    case nothing
    /// A power failure that keeps about `kept` of ten unsynced sectors.
    case power(seed: UInt64, kept: Int)
  }

  /// Restarts the disk for the next process. No file may be open.
  package func start(after loss: Loss) {
    switch loss {
    case .nothing: faulty_disk_start(disk, false, 0, 0)
    case .power(let seed, let kept): faulty_disk_start(disk, true, seed, Int32(kept))
    }
  }

  /// Ignores syncs from now on, as a lying disk does.
  package func ignoreSyncs() { faulty_disk_ignore_syncs(disk) }
}
