/// Verifies through the jobs API that every acknowledged delivery was recorded.
///
/// Each acknowledged delivery must be in its job's history. The job's state must be one that the acknowledged
/// deliveries allow, and its deliveries as many as were acknowledged.
final class Verification {
  private(set) var jobs = 0
  /// Acknowledged sends that were verified.
  private(set) var deliveries = 0
  private(set) var missing = 0
  private(set) var wrongStates = 0
  private(set) var wrongCounts = 0

  var isFaultless: Bool { missing + wrongStates + wrongCounts == 0 }

  private static let connections = 16

  /// One job's expected record, from the responses to its sends.
  private struct Expectation {
    var acknowledged = 0
    /// Sends that may have been recorded: all except rejected ones.
    var possible = 0
    /// The highest rank among acknowledged sends.
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
    // All of it is fetched; ten minutes without an end are a fault.
    try LoadLoop([lane]).run(seconds: 600, progress: progress)
    guard lane.answered == workload.jobCount else {
      let count = workload.jobCount - lane.answered
      throw Failure("verification: \(count) of \(workload.jobCount) \(name) got no response", .unavailable)
    }
  }
}

// MARK: - One answer

extension Verification {
  private func check(state answer: ResponseReader, _ expectation: Expectation) {
    guard expectation.acknowledged > 0 else {
      // No delivery of it was acknowledged: it is absent, or a delivery without a response created it.
      if answer.status != 404, expectation.possible == 0 { wrongStates += 1 }
      return
    }
    // A delivery recorded without a response may have advanced the job, never moved it back.
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
