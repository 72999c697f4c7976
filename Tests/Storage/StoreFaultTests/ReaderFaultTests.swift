import CSQLite
import FaultyDisk
import StoreSeam
import SQLiteStore
import Testing

@Suite struct ReaderFaultTests {
  /// All read faults except short reads.
  ///
  /// SQLite treats those as the end of the file, followed by zeros.
  private static let faults: [Fault] = [
    (DiskCall.read, SQLITE_IOERR | 1 << 8), (.open, SQLITE_CANTOPEN),
    (.lock, SQLITE_IOERR | 15 << 8), (.size, SQLITE_IOERR | 7 << 8),
    (.sharedMemory, SQLITE_IOERR | 21 << 8),
  ].map { Fault(call: $0, code: $1) }

  /// A reader returns the correct jobs or an error.
  ///
  /// "No such job" would be wrong too.
  @Test(arguments: faults)
  func aReaderIsCorrectOrFails(_ kind: Fault) throws {
    let initial = try InitialDisk.killed()
    let expected = Model(initial.deliveries)
    var fault = kind
    while true {
      let disk = try FaultyDisk(holding: initial.files)
      let writer = try SQLiteStore(path: disk.path)
      disk.arm(fault)
      let found = try? Model(try SQLiteReader(path: disk.path))
      guard disk.heal() > 0 else { break }
      #expect(found == nil || found?.jobs == expected.jobs, "\(fault)")
      #expect(try Model(try SQLiteReader(path: disk.path)).jobs == expected.jobs, "after \(fault)")
      _ = consume writer
      fault.first += 1
    }
    #expect(fault.first > 1)
  }
}
