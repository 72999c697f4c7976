import CSQLite
import FaultyDisk
import SQLite
import StoreSeam
import SQLiteStore
import Testing

@Suite struct OpeningFaultTests {
  /// A writer opens in WAL mode, or fails to open.
  ///
  /// In another mode it would seem to work and lose commits, because a journal's deletion becomes durable
  /// later.
  @Test(arguments: [DiskCall.write, .sync, .open, .size])
  func aWriterOpensInWALModeOrNotAtAll(_ call: DiskCall) throws {
    var fault = Fault(call: call, code: SQLITE_IOERR)
    while true {
      let disk = try FaultyDisk()
      disk.arm(fault)
      let writer = try? SQLiteStore(path: disk.path)
      guard disk.heal() > 0 else { break }
      if let writer {
        _ = try DatabaseCheckpointer(path: disk.path)
        try writer.probe(room: 0)
      }
      // And the next one opens.
      _ = try SQLiteStore(path: disk.path)
      _ = try DatabaseCheckpointer(path: disk.path)
      fault.first += 1
    }
    #expect(fault.first > 1)
  }
}
