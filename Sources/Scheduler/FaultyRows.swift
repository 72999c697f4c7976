internal import Jobs
internal import Logging
internal import Store
internal import Time

/// What is due is taken in one transaction, which one row fails that is damaged or that the store refuses for itself. Then each
/// is taken alone, and that row is passed over for a while: it keeps nothing else from being done.
extension Dispatcher {
  func looks(at now: Timestamp, clockSetAt setAt: Timestamp?) throws(StoreError) -> DuePolls {
    do throws(StoreError) {
      return try looks(at: now, setAt, limit: rules.sweepLimit)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      var all = DuePolls()
      for _ in 0..<rules.sweepLimit {
        do throws(StoreError) {
          let one = try looks(at: now, setAt, limit: 1)
          all.stale += one.stale
          all.polls += one.polls
          guard one.hasMore else { break }
        } catch {
          let moment = try passOver("job", at: now, error)
          try written { transaction throws(StoreError) in
            try transaction.deferFirstCheck(at: now, until: moment)
          }
        }
      }
      return all
    }
  }

  private func looks(at now: Timestamp, _ setAt: Timestamp?, limit: Int) throws(StoreError) -> DuePolls {
    try written { transaction throws(StoreError) in
      try transaction.claimDuePolls(at: now, clockSetAt: setAt, limit: limit) { Double.random(in: -1...1) }
    }
  }

  func steps(at now: Timestamp, creates: Int, cancels: Int, finds: Int) throws(StoreError) -> [OrderStep] {
    do throws(StoreError) {
      return try take(at: now, creates: creates, cancels: cancels, finds: finds)
    } catch {
      guard !error.concernsWholeStore else { throw error }
      var steps: [OrderStep] = []
      for (stage, count) in [(OrderStage.submitted, cancels), (.unanswered, finds), (.queued, creates)] {
        for _ in 0..<count {
          do throws(StoreError) {
            let step = try take(
              at: now, creates: stage == .queued ? 1 : 0, cancels: stage == .submitted ? 1 : 0,
              finds: stage == .unanswered ? 1 : 0)
            guard !step.isEmpty else { break }
            steps += step
          } catch {
            let moment = try passOver("order", at: now, error)
            try written { transaction throws(StoreError) in
              try transaction.deferFirstStep(of: stage, at: now, until: moment)
            }
          }
        }
      }
      return steps
    }
  }

  private func take(
    at now: Timestamp, creates: Int, cancels: Int, finds: Int
  ) throws(StoreError) -> [OrderStep] {
    let patience = rules.stepPatience
    return try written { transaction throws(StoreError) in
      try transaction.claimOrderSteps(
        at: now, creates: creates, cancels: cancels, finds: finds, lease: patience)
    }
  }

  /// - Returns: until when.
  private func passOver(
    _ row: StaticString, at now: Timestamp, _ error: StoreError
  ) throws(StoreError) -> Timestamp {
    guard !error.concernsWholeStore else { throw error }
    logger.error(
      "a row of the store is damaged, or cannot be written: it is passed over for an hour",
      metadata: ["row": "\(row)", "cause": "\(error)"])
    return now.advanced(byMilliseconds: rules.faultyRowPause)
  }
}
