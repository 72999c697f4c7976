import CSQLite
import FaultyDisk

/// Temporary faults of a disk.
///
/// Extended codes (https://www.sqlite.org/rescode.html) are macros that Swift does not import. A lock that
/// stays taken is not among the faults: SQLite itself waits ten seconds for it, of the real clock.
enum DiskFaults {
  static let all: [Fault] = [
    Fault(call: .write, code: SQLITE_IOERR | 3 << 8),
    Fault(call: .write, isPersistent: true, code: SQLITE_IOERR | 3 << 8),
    Fault(call: .write, isPersistent: true, code: SQLITE_FULL),
    Fault(call: .write, first: 3, code: SQLITE_FULL),
    Fault(call: .sync, code: SQLITE_IOERR | 4 << 8),
    Fault(call: .sync, isPersistent: true, code: SQLITE_IOERR | 4 << 8),
    Fault(call: .read, isPersistent: true, code: SQLITE_IOERR | 1 << 8),
    Fault(call: .lock, code: SQLITE_BUSY),
    Fault(call: .sharedMemory, isPersistent: true, code: SQLITE_IOERR | 21 << 8),
    Fault(call: .open, isPersistent: true, code: SQLITE_CANTOPEN),
  ]
}
