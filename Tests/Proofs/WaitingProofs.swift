internal import Foundation
internal import LiveDaemon

/// Another process holds the write lock: deliveries wait or are answered 503, and none is lost.
enum LockProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "locked database")
    try trial.start()
    let seconds: Double = course.isLong ? 30 : 3
    for _ in 0..<(course.isLong ? 3 : 2) {
      try trial.endure { _ in
        let holder = try LockHolder(trial.database)
        trial.say("locked for \(Int(seconds)) s")
        trial.wait(seconds: seconds)
        trial.noteEndOfFault()
        try holder.release()
      }
    }
    try trial.examine()
    return trial.finished("\(trial.ledger.count(of: 503)) answered 503")
  }
}

/// SIGSTOP, as a hypervisor or a debugger stops a process, then SIGCONT.
enum PauseProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "stopped process (SIGSTOP)")
    try trial.start()
    let seconds: Double = course.isLong ? 60 : 3
    for _ in 0..<2 {
      try trial.endure { daemon in
        trial.say("stopped for \(Int(seconds)) s")
        kill(daemon.process.processIdentifier, SIGSTOP)
        trial.wait(seconds: seconds)
        trial.noteEndOfFault()
        kill(daemon.process.processIdentifier, SIGCONT)
      }
    }
    try trial.examine()
    return trial.finished()
  }
}

/// All descriptors are taken by connections that say nothing; they go away, and the service is what it was.
enum DescriptorProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "no descriptors left")
    trial.descriptorLimit = 64
    try trial.start()
    for _ in 0..<(course.isLong ? 10 : 2) {
      try trial.endure { daemon in
        var crowd: [HTTPConnection] = []
        for _ in 0..<200 { crowd.append(try HTTPConnection(host: "127.0.0.1", port: daemon.webhookPort)) }
        trial.say("\(crowd.count) connections for 64 descriptors")
        trial.wait(seconds: 2)
        let usage = try ProcessUsage(of: daemon.process.processIdentifier)
        if usage.descriptors < 50 { trial.complain("only \(usage.descriptors) descriptors were in use") }
        trial.noteEndOfFault()
        crowd.removeAll()
      }
    }
    try trial.examine()
    return trial.finished()
  }
}
