package import Time
package import WorkflowDefinitions

/// A workflow's new state, and what its transaction does besides.
package struct WorkflowDecision: Sendable {
  package let run: WorkflowRun
  /// In the order in which they are to be done.
  package let effects: [WorkflowEffect]
  /// The positions of the steps whose rows have changed.
  package let changedSteps: [Int]
  /// Whether anything has changed. Where nothing has, there is no new revision.
  package let hasChanged: Bool
  /// Whether the workflow ended with this decision.
  package let endsWorkflow: Bool
}

/// What becomes of a request to resume.
package enum WorkflowResumption: Sendable {
  case resumed(WorkflowDecision)
  /// It still runs.
  case notEnded
  /// It has succeeded, so there is nothing to do.
  case succeeded
  /// Outputs that should be kept are gone, and the request allows no repetition.
  case outputExpired(step: String)
}

extension WorkflowDefinition {
  /// Decides what follows from events, in their order.
  package func decide<Sources: WorkflowSources>(
    _ run: WorkflowRun, after events: [WorkflowEvent], at now: Timestamp, reading sources: Sources
  ) throws(Sources.Failure) -> WorkflowDecision {
    var machine = WorkflowMachine(self, run, at: now, reading: sources)
    for event in events { try machine.note(event) }
    try machine.advance()
    return machine.decision(since: run)
  }

  /// Begins another attempt of a workflow that has failed or was canceled.
  ///
  /// Steps and items that have succeeded are kept.
  ///
  /// - Parameter isStrict: whether a kept output that is gone refuses the request.
  package func resume<Sources: WorkflowSources>(
    _ run: WorkflowRun, isStrict: Bool, at now: Timestamp, reading sources: Sources
  ) throws(Sources.Failure) -> WorkflowResumption {
    guard run.state.isTerminal else { return .notEnded }
    guard run.state != .succeeded else { return .succeeded }
    var machine = WorkflowMachine(self, run, at: now, reading: sources)
    let expired = try machine.expiredItems()
    if isStrict, let step = expired.keys.min() { return .outputExpired(step: steps[step].name) }
    machine.beginAttempt(repeating: expired)
    try machine.advance()
    return .resumed(machine.decision(since: run))
  }
}

/// One decision in the making.
struct WorkflowMachine<Sources: WorkflowSources> {
  let definition: WorkflowDefinition
  let sources: Sources
  let now: Timestamp
  var run: WorkflowRun
  var effects: [WorkflowEffect] = []
  /// The outputs that were read.
  var values = StepValues()

  init(_ definition: WorkflowDefinition, _ run: WorkflowRun, at now: Timestamp, reading sources: Sources) {
    self.definition = definition
    self.run = run
    self.now = now
    self.sources = sources
  }

  func decision(since earlier: WorkflowRun) -> WorkflowDecision {
    var run = run
    let hasChanged = run != earlier || !effects.isEmpty
    if hasChanged {
      run.revision += 1
      run.updatedAt = max(run.updatedAt, now)
    }
    let changed = run.steps.indices.filter { run.steps[$0] != earlier.steps[$0] }
    return WorkflowDecision(
      run: run, effects: effects, changedSteps: changed, hasChanged: hasChanged,
      endsWorkflow: run.state.isTerminal && (!earlier.state.isTerminal || run.attempt != earlier.attempt))
  }
}
