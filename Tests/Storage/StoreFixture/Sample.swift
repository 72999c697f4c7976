package import Jobs
package import Time

/// Sample deliveries.
package enum Sample {
  package static func delivery(
    _ webhookID: String, of prediction: String = "p1", _ status: String, _ phase: Phase?, logs: Int = 0,
    model: String? = "owner/model", at milliseconds: Int64 = 1000, body: String? = nil,
    createdAt: Int64 = 5, naming job: String? = nil
  ) -> Delivery {
    let text = body ?? #"{"id":"\#(prediction)","status":"\#(status)","logs":\#(logs)}"#
    return Delivery(
      webhookID: webhookID, receivedAt: Timestamp(milliseconds: milliseconds),
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase, model: model,
        error: phase == .failed ? JobError(code: "unknown", message: "no\u{0}t é") : nil,
        createdAt: Timestamp(milliseconds: createdAt),
        evidence: Evidence(logsSize: logs, outputSize: 0, digest: digest(of: text))),
      body: Array(text.utf8), namedJob: job)
  }

  /// The deliveries of one prediction, whose webhook ids begin with `prefix`.
  package static func life(of prediction: String, prefix: String) -> [Delivery] {
    [
      delivery("\(prefix)0", of: prediction, "starting", .pending),
      delivery("\(prefix)1", of: prediction, "processing", .running, logs: 10),
      delivery("\(prefix)2", of: prediction, "processing", .running, logs: 20),
      delivery("\(prefix)3", of: prediction, "succeeded", .succeeded, logs: 20),
    ]
  }

  /// A snapshot with plausible times.
  ///
  /// Two seconds in the queue, and five of running, of which four are billed.
  package static func polled(
    _ source: SnapshotSource, of prediction: String = "p1", _ phase: Phase, at now: Timestamp,
    error: JobError? = nil, logs: Int = 0, ruleViolation: JobError? = nil
  ) -> PolledSnapshot {
    let status = [Phase.pending: "starting", .running: "processing"][phase] ?? phase.rawValue
    let text = #"{"id":"\#(prediction)","status":"\#(status)","logs":\#(logs)}"#
    return PolledSnapshot(
      source: source, receivedAt: now,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase, model: "owner/model", error: error,
        ruleViolation: ruleViolation, createdAt: Timestamp(milliseconds: 1000),
        startedAt: Timestamp(milliseconds: 3000),
        completedAt: phase.isTerminal ? Timestamp(milliseconds: 8000) : nil,
        predictMilliseconds: phase.isTerminal ? 4000 : nil,
        evidence: Evidence(logsSize: logs, outputSize: 0, digest: digest(of: text))),
      body: Array(text.utf8))
  }

  /// A weak digest that differs for different texts.
  package static func digest(of text: String) -> BodyDigest {
    var bytes = [UInt8](repeating: 0, count: 32)
    for (index, byte) in text.utf8.enumerated() { bytes[index % 32] = bytes[index % 32] &* 31 &+ byte }
    guard let digest = BodyDigest(bytes: bytes) else { preconditionFailure("32 bytes") }
    return digest
  }
}

/// Every order of `elements`.
package func permutations<Element>(of elements: [Element]) -> [[Element]] {
  guard let first = elements.first else { return [[]] }
  return permutations(of: Array(elements.dropFirst())).flatMap { rest in
    (0...rest.count).map { Array(rest[..<$0]) + [first] + Array(rest[$0...]) }
  }
}
