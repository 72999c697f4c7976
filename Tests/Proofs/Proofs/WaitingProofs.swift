internal import Foundation
internal import LiveDaemon

/// Another process holds the write lock.
///
/// Deliveries wait or are answered 503, and none is lost.
enum LockProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "locked database")
    try run.start()
    let seconds: Double = scenario.isLong ? 30 : 3
    for _ in 0..<(scenario.isLong ? 3 : 2) {
      try run.endure { _ in
        let holder = try LockHolder(run.database)
        run.reportProgress("locked for \(Int(seconds)) s")
        run.wait(seconds: seconds)
        run.noteEndOfFault()
        try holder.release()
      }
    }
    try run.examine()
    return run.finished("\(run.ledger.count(of: 503)) answered 503")
  }
}

/// SIGSTOP, as a hypervisor or a debugger sends it, then SIGCONT.
enum PauseProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "stopped process (SIGSTOP)")
    try run.start()
    let seconds: Double = scenario.isLong ? 60 : 3
    for _ in 0..<2 {
      try run.endure { daemon in
        run.reportProgress("stopped for \(Int(seconds)) s")
        kill(daemon.process.processIdentifier, SIGSTOP)
        run.wait(seconds: seconds)
        run.noteEndOfFault()
        kill(daemon.process.processIdentifier, SIGCONT)
      }
    }
    try run.examine()
    return run.finished()
  }
}

/// Silent connections take all descriptors.
///
/// When they are closed, the service is what it was.
enum DescriptorProof {
  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "no descriptors left")
    run.descriptorLimit = 64
    try run.start()
    for _ in 0..<(scenario.isLong ? 10 : 2) {
      try run.endure { daemon in
        var crowd: [HTTPConnection] = []
        for _ in 0..<200 { crowd.append(try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)) }
        run.reportProgress("\(crowd.count) connections for 64 descriptors")
        run.wait(seconds: 2)
        let usage = try ProcessUsage(of: daemon.process.processIdentifier)
        if usage.descriptors < 50 { run.recordProblem("only \(usage.descriptors) descriptors were in use") }
        run.noteEndOfFault()
        crowd.removeAll()
      }
    }
    try run.examine()
    return run.finished()
  }
}
