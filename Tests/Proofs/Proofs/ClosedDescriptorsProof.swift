internal import LiveDaemon

/// A daemon with closed standard descriptors, killed under load.
///
/// It is started as by `serve 2>&-`.
///
/// The database's descriptor must not be one that log lines are written to.
enum ClosedDescriptorsProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "standard descriptors closed")
    run.environment["LOG_LEVEL"] = "info"
    run.hasLog = false
    for closed in ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
      run.wrapper = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(closed)"]
      try run.start()
      try run.beginLoad()
      try run.waitForAcknowledgements(Run.some)
      try run.requireDaemon().killAtOnce()
      try run.endLoad()
      run.noteEndOfFault()
      try run.start()
      try run.beginLoad(readers: 0)
      try run.noteRecovery()
      try run.endLoad()
      try run.examine()
      try run.requireDaemon().killAtOnce()
      run.row.rounds += 1
    }
    (run.wrapper, run.hasLog) = ([], true)
    try run.start()
    try run.examine()
    return run.finished()
  }
}
