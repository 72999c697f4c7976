internal import Foundation
internal import LiveDaemon

/// A day's deliveries in as little time as they take, with restarts, kills, backups and reads meanwhile: what the daemon
/// uses is no more at the end than it was when it had warmed up.
enum SoakProof {
  /// What was measured at the end of a slice.
  private struct Sample {
    let resident: Double
    let descriptors: Double
    let bytesPerJob: Double
    /// Milliseconds.
    let slow: Double
  }

  private static let slices = 4

  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "soak")
    var quarters: [[Sample]] = []
    let start = ContinuousClock.now
    for quarter in 0..<4 {
      trial.noteEndOfFault()
      try trial.start()
      try trial.beginLoad()
      if quarter > 0 { try trial.noteRecovery() }
      quarters.append(
        try (0..<slices).map { slice in
          let done = quarter * slices + slice
          return try sample(trial, until: course.soak * (done + 1) / (4 * slices), withBackup: slice == 1)
        })
      if trial.hasDied { trial.complain("it died by itself") }
      // In turn in the middle of the load, and in order.
      if quarter % 2 == 0 { try trial.requireDaemon().killAtOnce() }
      try trial.endLoad()
      if quarter % 2 == 1, try trial.requireDaemon().stop() != 0 { trial.complain("a stop was not in order") }
      trial.row.rounds += 1
    }
    let rate = Double(trial.ledger.acknowledged) / ((ContinuousClock.now - start) / .seconds(1))
    try trial.start()
    trial.say("asking for all \(trial.ledger.jobCount) jobs")
    try trial.examine()
    let note = compare(quarters[1], quarters[3], trial)
    return trial.finished("\(Int(rate)) deliveries/s; second to last quarter: \(note)")
  }

  private static func sample(_ trial: Trial, until goal: Int, withBackup: Bool) throws -> Sample {
    _ = trial.load?.takeLatencies()
    if withBackup { try backUp(trial) }
    var (last, lastProgress) = (trial.ledger.acknowledged, ContinuousClock.now)
    while trial.ledger.acknowledged < goal {
      poll(nil, 0, 20)
      guard !trial.hasDied else { throw Unusable("the daemon died by itself") }
      guard trial.ledger.acknowledged == last else {
        (last, lastProgress) = (trial.ledger.acknowledged, .now)
        continue
      }
      guard ContinuousClock.now - lastProgress < .seconds(60) else { throw Unusable("the soak stands still") }
    }
    let latencies = (trial.load?.takeLatencies() ?? []).sorted()
    let usage = try ProcessUsage(of: try trial.requireDaemon().process.processIdentifier)
    // The log is left out: how long it is depends on the moment.
    let size = try FileManager.default.attributesOfItem(atPath: trial.database)[.size] as? Int ?? 0
    let sample = Sample(
      resident: Double(usage.residentKilobytes) / 1024, descriptors: Double(usage.descriptors),
      bytesPerJob: Double(size) / Double(max(1, trial.ledger.jobCount)),
      slow: latencies.isEmpty ? 0 : Double(latencies[latencies.count * 99 / 100]) / 1000)
    trial.say(
      "\(trial.ledger.acknowledged) of \(trial.course.soak) acknowledged, \(Int(sample.resident)) MB, "
        + "\(Int(sample.descriptors)) descriptors, \(Int(sample.bytesPerJob)) bytes a job, p99 \(Int(sample.slow)) ms"
    )
    return sample
  }

  private static func backUp(_ trial: Trial) throws {
    let copy = trial.folder.url.appendingPathComponent("copy").path
    let result = try Program.run(
      ["backup", copy, "--force"], environment: ["DATABASE_URL": "sqlite:\(trial.database)"],
      executable: trial.course.executable)
    if result.status != 0 { trial.complain("a backup ended with \(result.status): \(result.error)") }
  }

  /// By the medians of the slices. The bounds leave room for the noise of a busy machine, not for growth.
  private static func compare(_ early: [Sample], _ late: [Sample], _ trial: Trial) -> String {
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
        trial.complain("from the second quarter to the last: \(text)")
      }
      return text
    }.joined(separator: ", ")
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
