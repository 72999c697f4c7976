/// Asks the jobs API for every delivery that was acknowledged: is it in its job's history, is the job's state one that the
/// acknowledged deliveries allow, and are there as many deliveries as were acknowledged?
final class Verification {
  private(set) var jobs = 0
  /// Acknowledged sends that were asked for.
  private(set) var deliveries = 0
  private(set) var missing = 0
  private(set) var wrongStates = 0
  private(set) var wrongCounts = 0

  var isFaultless: Bool { missing + wrongStates + wrongCounts == 0 }

  private static let connections = 16

  /// What the answers to the sends say of one job.
  private struct Expectation {
    var acknowledged = 0
    /// Sends that may have been recorded: all but those that were refused.
    var possible = 0
    /// Of the acknowledged ones.
    var rank = -1
    var states: [(rank: Int, state: String)] = []
    var acknowledgedIDs: [Int] = []
  }

  init(of workload: Workload, _ lane: Lane, at receiver: Receiver, progress: Progress?) throws {
    let expectations = Self.expectations(workload, lane)
    jobs = expectations.count { $0.acknowledged > 0 }
    deliveries = expectations.reduce(0) { $0 + $1.acknowledged }
    try fetch(receiver, progress, "jobs", "", workload) { job, answer in
      self.check(state: answer, expectations[job])
    }
    try fetch(receiver, progress, "histories", "/history?limit=1000", workload) { job, answer in
      self.check(history: answer, expectations[job], workload)
    }
  }

  private static func expectations(_ workload: Workload, _ lane: Lane) -> [Expectation] {
    var expectations = [Expectation](repeating: Expectation(), count: workload.jobCount)
    for (send, number) in workload.sends.enumerated() where send < lane.taken {
      let (delivery, status) = (workload.deliveries[Int(number)], Int(lane.answers[send]))
      let isAcknowledged = (200..<300).contains(status)
      guard isAcknowledged || (status == 0 && delivery.isSigned) else { continue }
      let job = delivery.job
      expectations[job].possible += 1
      expectations[job].states.append((delivery.status.rank, delivery.status.state))
      guard isAcknowledged else { continue }
      expectations[job].acknowledged += 1
      expectations[job].acknowledgedIDs.append(Int(number))
      expectations[job].rank = max(expectations[job].rank, delivery.status.rank)
    }
    return expectations
  }

  private func fetch(
    _ receiver: Receiver, _ progress: Progress?, _ name: String, _ suffix: String, _ workload: Workload,
    _ observer: @escaping (Int, ResponseReader) -> Void
  ) throws {
    var requests = RequestArena()
    for job in 0..<workload.jobCount {
      requests.append(head: try receiver.apiRequest("/jobs/\(workload.jobID(job))\(suffix)"))
    }
    let lane = Lane(
      name, to: try receiver.requireAPI(), requests, connections: Self.connections, observer: observer)
    // Everything is asked for, however long it takes; ten minutes say that something is wrong.
    try LoadLoop([lane]).run(seconds: 600, progress: progress)
    guard lane.answered == workload.jobCount else {
      let count = workload.jobCount - lane.answered
      throw Failure("verification: \(count) of \(workload.jobCount) \(name) were not answered", .unavailable)
    }
  }
}

// MARK: - One answer

extension Verification {
  private func check(state answer: ResponseReader, _ expectation: Expectation) {
    guard expectation.acknowledged > 0 else {
      // Nothing of it was acknowledged: it is not there, or a delivery without an answer made it.
      if answer.status != 404, expectation.possible == 0 { wrongStates += 1 }
      return
    }
    // What was recorded without an answer may have taken the job further, never back.
    let isAllowed = expectation.states.contains { rank, state in
      rank >= expectation.rank && ResponseText.contains(#""state":"\#(state)""#, in: answer.body)
    }
    if answer.status != 200 || !isAllowed { wrongStates += 1 }
  }

  private func check(history answer: ResponseReader, _ expectation: Expectation, _ workload: Workload) {
    guard expectation.acknowledged > 0 else { return }
    guard answer.status == 200, let total = ResponseText.sumOfCounts(in: answer.body) else {
      missing += expectation.acknowledged
      return
    }
    for delivery in expectation.acknowledgedIDs
    where !ResponseText.contains(#""webhook_id":"\#(workload.deliveryID(delivery))""#, in: answer.body) {
      missing += 1
    }
    if !(expectation.acknowledged...expectation.possible).contains(total) { wrongCounts += 1 }
  }
}
