internal import Foundation
internal import LiveDaemon

/// Readers of event streams, while the daemon is killed and restarted under load.
///
/// They reconnect with the id of their last event, and end with the newest state of every job.
enum StreamProof {
  private static let maxSettleSeconds = 60

  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "event streams across kill -9 and restarts")
    let readers = StreamReaders(of: run.ledger)
    defer { readers.stop() }
    try run.start()
    for round in 0..<(scenario.isLong ? 40 : 6) {
      readers.apiPort = try run.requireDaemon().apiPort
      try run.beginLoad(readers: 0)
      try run.waitForAcknowledgements(Run.some)
      if round % 3 == 2 {
        _ = try run.requireDaemon().stop()
      } else {
        try run.requireDaemon().killAtOnce()
      }
      try run.endLoad()
      run.noteEndOfFault()
      try run.start()
      readers.apiPort = try run.requireDaemon().apiPort
      try run.beginLoad(readers: 0)
      try run.noteRecovery()
      try run.endLoad()
      run.row.rounds += 1
      run.reportProgress("\(round + 1) times, \(readers.counts.events) events")
    }
    try run.examine()
    let documents = try documents(of: run)
    let start = ContinuousClock.now
    // The last events are on their way; a reader may just have lost its connection.
    while !readers.violations(of: documents).isEmpty, ContinuousClock.now - start < .seconds(maxSettleSeconds)
    {
      run.wait(seconds: 0.05)
    }
    run.row.problems += readers.violations(of: documents)
    run.row.problems += readers.problems
    let counts = readers.counts
    if counts.ended == 0 || counts.reconnects == 0 { run.recordProblem("no stream came to its end") }
    return run.finished(
      "\(counts.events) events, \(counts.reconnects) reconnects, \(counts.ended) streams to their jobs' ends")
  }

  /// What the jobs API shows of every job.
  private static func documents(of run: Run) throws -> [String: JobDocument] {
    let connection = try HTTPConnection(host: "127.0.0.2", port: try run.requireDaemon().apiPort)
    var documents: [String: JobDocument] = [:]
    for job in 0..<run.ledger.jobCount {
      let answer = try connection.get("/jobs/\(Event.jobID(job))")
      if answer.status == 200 { documents[Event.jobID(job)] = try JobDocument.decode(answer.body) }
    }
    return documents
  }
}
