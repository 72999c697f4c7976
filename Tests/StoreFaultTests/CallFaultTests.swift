import CSQLite
import FaultyDisk
import Testing

/// Every call to the disk fails once, and from then on: what was acknowledged is there, what was refused is not there by
/// half, and when the disk is well again the store goes on by itself.
///
/// Serialized, so that the tests of other suites find a thread meanwhile.
@Suite(.serialized) struct CallFaultTests {
  // Extended codes (https://www.sqlite.org/rescode.html) are macros that Swift does not import.
  private static let ioErrors: [(DiskCall, Int32)] = [
    (.read, SQLITE_IOERR | 1 << 8), (.write, SQLITE_IOERR | 3 << 8), (.sync, SQLITE_IOERR | 4 << 8),
    (.truncate, SQLITE_IOERR | 6 << 8), (.open, SQLITE_CANTOPEN), (.lock, SQLITE_IOERR | 15 << 8),
    (.size, SQLITE_IOERR | 7 << 8), (.delete, SQLITE_IOERR | 10 << 8),
    (.sharedMemory, SQLITE_IOERR | 21 << 8),
  ]

  private static let faults: [Fault] =
    ioErrors.flatMap { call, code in
      [Fault(call: call, code: code), Fault(call: call, isPersistent: true, code: code)]
    } + [
      // A read that ends early.
      Fault(call: .read, code: SQLITE_IOERR | 2 << 8),
      Fault(call: .read, code: SQLITE_IOERR | 12 << 8),
      Fault(call: .open, code: SQLITE_NOMEM),
      Fault(call: .sharedMemory, code: SQLITE_NOMEM),
      Fault(call: .write, isPersistent: true, code: SQLITE_FULL),
      // Once: for a lock that stays taken SQLite itself waits ten seconds.
      Fault(call: .lock, code: SQLITE_BUSY),
    ]

  @Test(arguments: faults)
  func theStoreSurvivesEveryFailure(_ kind: Fault) throws {
    var failures = 0
    for beginning in [.nothing, try Beginning.killed()] {
      failures += try failEach(kind, on: beginning, while: Ordeal.work)
    }
    failures += try failEach(kind, on: .nothing, while: Ordeal.end)
    #expect(failures > 0)
  }

  /// The first call of `kind` fails, then the second of a new run, and so on until there are no more.
  ///
  /// - Returns: how many runs had a call that failed.
  private func failEach(
    _ kind: Fault, on beginning: Beginning, while act: (Ordeal) -> (Fault) -> Int
  ) throws -> Int {
    var fault = kind
    while true {
      let ordeal = try Ordeal(beginning)
      guard act(ordeal)(fault) > 0 else { return fault.first - kind.first }
      let problem = try ordeal.problem()
      #expect(problem == nil, "\(fault), on \(beginning.files.isEmpty ? "no" : "a") database")
      fault.first += 1
    }
  }
}
