internal import LiveDaemon

/// Started with standard descriptors closed, as by `serve 2>&-`, and killed under load: the number of the database must not be
/// one that log lines go to.
enum ClosedDescriptorsProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "standard descriptors closed")
    trial.environment["LOG_LEVEL"] = "info"
    trial.hasLog = false
    for closed in ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
      trial.wrapper = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(closed)"]
      try trial.start()
      try trial.beginLoad()
      try trial.waitForAcknowledgements(Trial.some)
      try trial.requireDaemon().killAtOnce()
      try trial.endLoad()
      trial.noteEndOfFault()
      try trial.start()
      try trial.beginLoad(readers: 0)
      try trial.noteRecovery()
      try trial.endLoad()
      try trial.examine()
      try trial.requireDaemon().killAtOnce()
      trial.row.rounds += 1
    }
    (trial.wrapper, trial.hasLog) = ([], true)
    try trial.start()
    try trial.examine()
    return trial.finished()
  }
}
