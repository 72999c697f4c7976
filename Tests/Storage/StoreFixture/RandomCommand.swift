internal import Jobs
@testable package import Ledger
package import StoreSeam
package import Simulation
package import Time

/// One of the ledger's commands, with arguments from small pools, so that commands meet.
package struct RandomCommand: CustomStringConvertible {
  package enum Kind: CaseIterable {
    case deliver, repeatDelivery, enqueue, cancel, claim, reschedule, refuse, noteUnanswered
    case noteNotFound, noteCreationNotFound, end, report, noteCanceled, delay, delete, prune, claimPolls
    case deferStep, deferCheck, clampDueTimes, recoverOrders, key, unbound, spreadChecks, clampChecks
    case touch, release
  }

  package static let predictions = ["p1", "p2", "p3", "p4"]
  package static let jobs = ["j1", "j2", "j3"]
  package static let keys = ["k1", "k2"]
  package static let webhookIDs = (1...9).map { "w\($0)" }
  package static let names = jobs + predictions

  package let kind: Kind
  package let now: Timestamp
  private let webhookID, prediction, job, name: String
  private let phase: Phase?
  private let isInterrupted, isFlagged: Bool
  private let amount: Int64

  package var description: String {
    "\(kind) \(webhookID) \(prediction) \(job) \(name) \(phase?.rawValue ?? "-") \(isInterrupted) "
      + "\(isFlagged) \(amount) at \(now.milliseconds)"
  }

  package init(at now: Timestamp, _ random: inout SeededGenerator) {
    func pick<Element>(_ list: [Element]) -> Element {
      list[Int.random(in: 0..<list.count, using: &random)]
    }
    self.now = now
    // Deliveries, orders and their claims come most often, as they do in life.
    kind = pick(Kind.allCases + [.deliver, .deliver, .deliver, .enqueue, .enqueue, .claim, .claim, .report])
    webhookID = pick(Self.webhookIDs)
    prediction = pick(Self.predictions)
    job = pick(Self.jobs)
    name = pick(Self.names)
    phase = pick([nil, .pending, .running, .running, .succeeded, .failed, .failed, .canceled])
    isInterrupted = random.happens(onceIn: 2)
    isFlagged = random.happens(onceIn: 2)
    amount = Int64.random(in: 0...6, using: &random)
  }

  private var snapshot: PolledSnapshot {
    let isFailed = phase == .failed
    let polled = Sample.polled(
      .webhook, of: prediction, phase ?? .running, at: now,
      error: isFailed ? isInterrupted ? interruption : JobError(code: "unknown", message: "m") : nil,
      logs: Int(amount))
    var snapshot = polled.snapshot
    if phase == nil {
      snapshot.phase = nil
      snapshot.providerStatus = "hibernating"
    }
    return PolledSnapshot(source: .webhook, receivedAt: now, snapshot: snapshot, body: polled.body)
  }

  private func text(_ result: Any?) -> String { result.map { "\($0)" } ?? "nothing" }

  var delivery: Delivery {
    Delivery(
      webhookID: webhookID, receivedAt: now, snapshot: snapshot.snapshot, body: snapshot.body,
      namedJob: isFlagged ? job : nil)
  }
}

// MARK: - Deciding

extension RandomCommand {
  package func addKeys(to keys: inout LedgerKeys) {
    if kind == .deliver || kind == .repeatDelivery { keys.add(delivery) }
  }

  /// - Returns: the command's result as a text.
  package func decide(in transaction: LedgerTransaction) throws(StorageError) -> String {
    switch kind {
    case .deliver, .repeatDelivery: "\(try transaction.record(delivery))"
    case .enqueue: "\(try transaction.enqueue(order, maxQueued: amount == 0 ? 1 : .max))"
    case .cancel: "\(try transaction.cancel(name, at: now))"
    case .claim:
      text(
        try transaction.claimOrderSteps(
          at: now, creates: Int(amount), cancels: 2, finds: isFlagged ? 2 : 0, lease: 3000,
          absenceGracePeriod: 2000))
    case .delete: text(try transaction.deleteJob(name, tombstoneUntil: now.later(20_000)))
    case .prune:
      // Where the pass goes on depends on the jobs that are stored already.
      text(
        try transaction.prune(
          endedBefore: now.later(-20_000), at: now, after: 0, count: 3, deliveredBefore: now.later(-20_000)
        ).deleted)
    case .claimPolls:
      "\(try transaction.claimDuePolls(at: now, clockSetAt: nil, limit: Int(amount)) { 0 })"
    case .deferStep: "\(try deferStep(in: transaction))"
    case .deferCheck: "\(try transaction.deferFirstCheck(at: now, until: now.later(4000)))"
    case .clampDueTimes:
      "\(try transaction.clampDueTimes(from: now, within: 1000, absenceGracePeriod: 1500))"
    case .recoverOrders: "\(try transaction.recoverOrders(at: now, absenceGracePeriod: 2000))"
    case .key: "\(try transaction.key(isFlagged ? "a" : "b", orStore: [UInt8(amount)]))"
    case .unbound: "\(try transaction.unbound(among: Self.predictions).sorted())"
    case .spreadChecks: "\(transaction.spreadChecks(from: now, within: 2000))"
    case .clampChecks: "\(transaction.clampCheckTimes(from: now))"
    default: try decideOfOrder(in: transaction)
    }
  }

  private var order: Order {
    OrderedStore.order(
      amount == 6 ? prediction : job, key: isFlagged ? Self.keys[Int(amount) % 2] : nil,
      request: amount > 4 ? "{1}" : "{}", at: now, timeout: isInterrupted ? 9000 : nil, retries: amount % 3)
  }

  private func deferStep(in transaction: LedgerTransaction) throws(StorageError) {
    let stages = [OrderStage.queued, .unanswered, .submitted]
    try transaction.deferFirstStep(of: stages[Int(amount) % 3], at: now, until: now.later(2500))
  }

  /// The commands that report on a call for an order.
  private func decideOfOrder(in transaction: LedgerTransaction) throws(StorageError) -> String {
    guard let entry = try transaction.job(named: name) else { return "no job" }
    let number = entry.number
    let current = entry.job.snapshot?.predictionID
    switch kind {
    case .noteNotFound:
      let verdict = JobError(code: "gone", message: nil)
      return
        text(
          try transaction.noteNotFound(
            number, of: current ?? prediction, from: isFlagged ? .poll : .answer, because: verdict, at: now))
    case .end:
      let verdict = JobError(code: "answer_lost", message: nil)
      // Only a create call can be refused.
      return
        text(
          try transaction.end(
            number, of: isFlagged ? current : prediction, as: .failed, because: verdict, at: now,
            isRefusal: isInterrupted && current == nil))
    case .report:
      let polled = PolledSnapshot(
        source: [.poll, .answer, .list][Int(amount) % 3], receivedAt: now, snapshot: snapshot.snapshot,
        body: snapshot.body)
      return text(try transaction.record(polled, ofJob: number))
    case .noteCanceled: return "\(try transaction.noteCanceled(number))"
    case .touch: return "\(try transaction.touch(number))"
    case .release:
      let end = isFlagged ? HeldEnd.succeeded : .failed(JobError(code: "not_kept", message: nil))
      return text(try transaction.release(number, as: end, at: now))
    default: break
    }
    guard let order = try transaction.order(ofJob: number) else { return "no order" }
    switch kind {
    case .reschedule:
      try transaction.reschedule(order, until: now.later(amount * 500), at: now, because: .rateLimited)
    case .refuse:
      let refusal = JobError(code: "refused", message: nil)
      try transaction.reschedule(
        order, until: now.later(amount * 500), at: now, because: .refused, refusal: refusal)
    case .noteUnanswered:
      try transaction.noteUnanswered(
        order, nextSearch: now.later(amount * 500), absenceConclusive: now.later(2000))
    case .noteCreationNotFound:
      let verdict = JobError(code: "no_model", message: nil)
      return text(try transaction.noteNotFound(creating: order, because: verdict, at: now))
    case .delay:
      let step = OrderStep(action: .find, job: entry.job, order: order)
      try transaction.delay(step, until: now.later(amount * 700))
    default: break
    }
    return "done"
  }
}

extension Timestamp {
  package func later(_ milliseconds: Int64) -> Timestamp { advanced(byMilliseconds: milliseconds) }
}

/// A random command in a batch.
package final class BatchedCommand: LedgerCommand {
  package let command: RandomCommand
  package private(set) var result = ""

  package init(_ command: RandomCommand) { self.command = command }

  package func addKeys(to keys: inout LedgerKeys) { command.addKeys(to: &keys) }

  package func decide(in transaction: LedgerTransaction) throws(StorageError) {
    result = try command.decide(in: transaction)
  }
}
