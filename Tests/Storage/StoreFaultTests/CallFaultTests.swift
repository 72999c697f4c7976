import CSQLite
import FaultyDisk
import Testing

/// Every call to the disk fails, once or from then on.
///
/// Acknowledged batches are stored, rejected ones are never stored in part, and the store recovers by itself
/// with the disk. Serialized, so that the tests of other suites get a thread meanwhile.
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
      // A short read.
      Fault(call: .read, code: SQLITE_IOERR | 2 << 8),
      Fault(call: .read, code: SQLITE_IOERR | 12 << 8),
      Fault(call: .open, code: SQLITE_NOMEM),
      Fault(call: .sharedMemory, code: SQLITE_NOMEM),
      Fault(call: .write, isPersistent: true, code: SQLITE_FULL),
      // Once, because SQLite itself waits ten seconds for a lock that stays taken.
      Fault(call: .lock, code: SQLITE_BUSY),
    ]

  @Test(arguments: faults)
  func theStoreSurvivesEveryFailure(_ kind: Fault) throws {
    var failures = 0
    for initial in [.nothing, try InitialDisk.killed()] {
      failures += try failEach(kind, on: initial, while: FaultScenario.work)
    }
    failures += try failEach(kind, on: .nothing, while: FaultScenario.end)
    #expect(failures > 0)
  }

  /// Fails each call of `kind` in a run of its own.
  ///
  /// - Returns: the number of runs with a failed call.
  private func failEach(
    _ kind: Fault, on initial: InitialDisk, while act: (FaultScenario) -> (Fault) -> Int
  ) throws -> Int {
    var fault = kind
    while true {
      let scenario = try FaultScenario(initial)
      guard act(scenario)(fault) > 0 else { return fault.first - kind.first }
      let problem = try scenario.problem()
      #expect(problem == nil, "\(fault), on \(initial.files.isEmpty ? "no" : "a") database")
      fault.first += 1
    }
  }
}
