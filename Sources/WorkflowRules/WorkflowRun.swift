package import Time
package import WorkflowDefinitions

/// The state of a workflow, without its definition and without outputs.
///
/// It is small: a workflow of 1,000 jobs takes some 30 KiB. A store keeps a row for the workflow and a row
/// for each step.
package struct WorkflowRun: Equatable, Sendable {
  package enum State: String, CaseIterable, Sendable {
    case pending
    case running
    case succeeded
    case failed
    case canceled

    package var isTerminal: Bool { self != .pending && self != .running }
  }

  /// Why no new job starts, while those that run are being canceled.
  package enum Stop: String, CaseIterable, Sendable {
    /// A cancel was requested.
    case cancel
    /// A step has failed, and `on_failure` is `cancel`.
    case failure
    case deadline
    case limit
  }

  /// What is counted of its jobs.
  package struct Usage: Equatable, Sendable {
    /// Of jobs that have ended, retries included.
    package var predictions: Int64 = 0
    package var predictMilliseconds: Int64 = 0

    package init(predictions: Int64 = 0, predictMilliseconds: Int64 = 0) {
      self.predictions = predictions
      self.predictMilliseconds = predictMilliseconds
    }

    mutating func add(_ end: WorkflowJobEnd) {
      // Times are the provider's, and saturate rather than overflow.
      predictions = predictions.addingClamped(end.predictions)
      predictMilliseconds = predictMilliseconds.addingClamped(end.predictMilliseconds)
    }
  }

  package let id: String
  package internal(set) var state = State.pending
  package internal(set) var revision: Int64 = 1
  /// From 1. Each resume begins another.
  package internal(set) var attempt = 1
  package internal(set) var stop: Stop?
  /// Of the step that failed first, or of the stop.
  package internal(set) var error: WorkflowError?
  package let createdAt: Timestamp
  package internal(set) var updatedAt: Timestamp
  package internal(set) var deadlineAt: Timestamp
  package internal(set) var endedAt: Timestamp?
  /// The jobs of this attempt, as counted when their steps were expanded.
  package internal(set) var planned = 0
  /// Of this attempt, which `limits` bound.
  package internal(set) var spent = Usage()
  /// Of all attempts.
  package internal(set) var usage = Usage()
  /// The assembled output. Nil before a success, and where there is none.
  package internal(set) var output: [UInt8]?
  /// The error code of an output that could not be put together.
  package internal(set) var outputError: String?
  /// In the order of the definition.
  package internal(set) var steps: [StepRun]

  /// A workflow that was accepted now, before its first step starts.
  package init(of definition: WorkflowDefinition, id: String, at now: Timestamp) {
    self.id = id
    createdAt = now
    updatedAt = now
    deadlineAt = now.advanced(byMilliseconds: definition.deadline)
    steps = definition.steps.map { _ in StepRun() }
  }

  /// Restores a stored workflow.
  package init(
    id: String, state: State, revision: Int64, attempt: Int, stop: Stop?, error: WorkflowError?,
    createdAt: Timestamp, updatedAt: Timestamp, deadlineAt: Timestamp, endedAt: Timestamp?, planned: Int,
    spent: Usage, usage: Usage, output: [UInt8]?, outputError: String?, steps: [StepRun]
  ) {
    self.id = id
    self.state = state
    self.revision = revision
    self.attempt = attempt
    self.stop = stop
    self.error = error
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.deadlineAt = deadlineAt
    self.endedAt = endedAt
    self.planned = planned
    self.spent = spent
    self.usage = usage
    self.output = output
    self.outputError = outputError
    self.steps = steps
  }

  /// The jobs that are ordered and have not ended.
  package var openJobs: Int { steps.reduce(0) { $0 + $1.openItems } }
}

extension WorkflowRun {
  /// The present job of an item. Nil where none was ordered.
  ///
  /// - Parameter name: that of the step.
  package func job(of name: String, _ step: Int, _ item: Int) -> WorkflowJobID? {
    guard let last = steps[step].items[item].tries.last else { return nil }
    return WorkflowJobID(
      workflow: id, step: name, item: item, attempt: last.attempt, fallback: last.fallback)
  }

  /// The jobs that are ordered and have not ended.
  package func openJobs(of definition: WorkflowDefinition) -> [WorkflowJobID] {
    zip(definition.steps, steps.indices).flatMap { rules, step in
      steps[step].items.indices.filter { steps[step].items[$0].state.isOpen }
        .compactMap { job(of: rules.name, step, $0) }
    }
  }
}

extension Int64 {
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflows) = addingReportingOverflow(Swift.max(0, other))
    return overflows ? .max : sum
  }
}

/// The state of one step.
package struct StepRun: Equatable, Sendable {
  package enum State: String, CaseIterable, Sendable {
    case waiting
    /// Its first job is ordered and has not begun.
    case pending
    case running
    case succeeded
    case failed
    case canceled
    case skipped

    package var isOver: Bool { self != .waiting && self != .pending && self != .running }
  }

  /// Why a step was skipped.
  package enum SkipReason: String, CaseIterable, Sendable {
    /// Its `when` does not hold.
    case condition
    /// A step that it needs was skipped by a condition.
    case upstreamSkipped = "upstream_skipped"
    case upstreamFailed = "upstream_failed"
  }

  package internal(set) var state = State.waiting
  package internal(set) var because: SkipReason?
  /// Set from the first failure on, while other items may still run.
  package internal(set) var error: WorkflowError?
  /// The step's jobs: one, or one an item. Empty before it starts.
  package internal(set) var items: [ItemRun] = []
  /// The digest of the array that ``items`` are of. Nil where the step has no `for_each`.
  package internal(set) var itemsDigest: Int64?

  package init() {}

  /// Restores a stored step.
  package init(
    state: State, because: SkipReason?, error: WorkflowError?, items: [ItemRun], itemsDigest: Int64?
  ) {
    self.state = state
    self.because = because
    self.error = error
    self.items = items
    self.itemsDigest = itemsDigest
  }

  package var openItems: Int { items.count { $0.state.isOpen } }

  func count(_ state: ItemRun.State) -> Int { items.count { $0.state == state } }
}

/// The state of one job of a step, its fallbacks included.
package struct ItemRun: Equatable, Sendable {
  package enum State: String, CaseIterable, Sendable {
    case waiting = "w"
    /// Ordered.
    case pending = "p"
    case running = "r"
    case succeeded = "s"
    case failed = "f"
    case canceled = "c"

    package var isOpen: Bool { self == .pending || self == .running }
    package var isOver: Bool { self == .succeeded || self == .failed || self == .canceled }
  }

  /// The jobs of one attempt: the step's own, and its fallbacks up to a number.
  package struct Try: Equatable, Sendable {
    package let attempt: Int
    package internal(set) var fallback: Int

    package init(attempt: Int, fallback: Int) {
      self.attempt = attempt
      self.fallback = fallback
    }
  }

  package internal(set) var state = State.waiting
  /// Oldest first. Empty where no job was ordered.
  package internal(set) var tries: [Try] = []
  package internal(set) var endedAt: Timestamp?
  /// Of a failed item.
  package internal(set) var code: String?

  package init() {}

  package init(state: State, tries: [Try], endedAt: Timestamp?, code: String?) {
    self.state = state
    self.tries = tries
    self.endedAt = endedAt
    self.code = code
  }
}
