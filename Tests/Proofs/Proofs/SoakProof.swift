internal import Foundation
internal import LiveDaemon

/// A day's deliveries at full speed, with restarts, kills, backups and reads.
///
/// The daemon must use no more at the end than it did when it had warmed up.
enum SoakProof {
  /// Measurements at the end of a slice.
  private struct Sample {
    let resident: Double
    let descriptors: Double
    let bytesPerJob: Double
    /// Milliseconds.
    let slow: Double
  }

  private static let slices = 4

  static func run(_ scenario: Scenario) throws -> Row {
    let run = try Run(scenario, "soak")
    var quarters: [[Sample]] = []
    let start = ContinuousClock.now
    for quarter in 0..<4 {
      run.noteEndOfFault()
      try run.start()
      try run.beginLoad()
      if quarter > 0 { try run.noteRecovery() }
      quarters.append(
        try (0..<slices).map { slice in
          let done = quarter * slices + slice
          return try sample(run, until: scenario.soak * (done + 1) / (4 * slices), withBackup: slice == 1)
        })
      if run.hasDied { run.recordProblem("it died by itself") }
      // Alternately a kill under load and a clean stop.
      if quarter % 2 == 0 { try run.requireDaemon().killAtOnce() }
      try run.endLoad()
      if quarter % 2 == 1, try run.requireDaemon().stop() != 0 {
        run.recordProblem("a stop was not in order")
      }
      run.row.rounds += 1
    }
    let rate = Double(run.ledger.acknowledged) / ((ContinuousClock.now - start) / .seconds(1))
    try run.start()
    run.reportProgress("checking all \(run.ledger.jobCount) jobs")
    try run.examine()
    let note = compare(quarters[1], quarters[3], run)
    return run.finished("\(Int(rate)) deliveries/s; second to last quarter: \(note)")
  }

  private static func sample(_ run: Run, until goal: Int, withBackup: Bool) throws -> Sample {
    _ = run.load?.takeLatencies()
    if withBackup { try backUp(run) }
    var (last, lastProgress) = (run.ledger.acknowledged, ContinuousClock.now)
    while run.ledger.acknowledged < goal {
      poll(nil, 0, 20)
      guard !run.hasDied else { throw Unusable("the daemon died by itself") }
      guard run.ledger.acknowledged == last else {
        (last, lastProgress) = (run.ledger.acknowledged, .now)
        continue
      }
      guard ContinuousClock.now - lastProgress < .seconds(60) else { throw Unusable("the soak stands still") }
    }
    let latencies = (run.load?.takeLatencies() ?? []).sorted()
    let usage = try ProcessUsage(of: try run.requireDaemon().process.processIdentifier)
    // The WAL is left out: its length depends on the moment.
    let size = try FileManager.default.attributesOfItem(atPath: run.database)[.size] as? Int ?? 0
    let sample = Sample(
      resident: Double(usage.residentKilobytes) / 1024, descriptors: Double(usage.descriptors),
      bytesPerJob: Double(size) / Double(max(1, run.ledger.jobCount)),
      slow: latencies.isEmpty ? 0 : Double(latencies[latencies.count * 99 / 100]) / 1000)
    run.reportProgress(
      "\(run.ledger.acknowledged) of \(run.scenario.soak) acknowledged, \(Int(sample.resident)) MB, "
        + "\(Int(sample.descriptors)) descriptors, \(Int(sample.bytesPerJob)) bytes a job, "
        + "p99 \(Int(sample.slow)) ms"
    )
    return sample
  }

  private static func backUp(_ run: Run) throws {
    let copy = run.folder.url.appendingPathComponent("copy").path
    let result = try Program.run(
      ["backup", copy, "--force"], environment: ["DATABASE_URL": "sqlite:\(run.database)"],
      executable: run.scenario.executable)
    if result.status != 0 { run.recordProblem("a backup ended with \(result.status): \(result.error)") }
  }

  /// Compares the medians of the slices.
  ///
  /// The bounds leave room for the noise of a busy machine, not for growth.
  private static func compare(_ early: [Sample], _ late: [Sample], _ run: Run) -> String {
    let figures: [(name: String, figure: KeyPath<Sample, Double>, factor: Double, allowance: Double)] = [
      ("MB", \.resident, 1.25, 8), ("descriptors", \.descriptors, 1, 8),
      ("bytes a job", \.bytesPerJob, 1.1, 0), ("ms p99", \.slow, 2, 100),
    ]
    return figures.map { name, figure, factor, allowance in
      let (before, after) = (
        median(early.map { $0[keyPath: figure] }), median(late.map { $0[keyPath: figure] })
      )
      let text = "\(Int(before)) to \(Int(after)) \(name)"
      if after > before * factor + allowance {
        run.recordProblem("from the second quarter to the last: \(text)")
      }
      return text
    }.joined(separator: ", ")
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
