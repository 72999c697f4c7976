internal import Bytes
internal import JSONText
internal import Jobs
internal import Time
internal import WorkflowDefinitions

/// What follows from the ends of jobs.
extension WorkflowMachine {
  mutating func note(_ event: WorkflowEvent) throws(Sources.Failure) {
    guard !run.state.isTerminal else { return }
    switch event {
    case .accepted: break
    case .jobStarted(let id):
      guard let (step, item) = openItem(id) else { return }
      run.steps[step].items[item].state = .running
      run.steps[step].state = .running
    case .jobEnded(let id, let end):
      // An end that was recorded twice counts once, and the first one decides.
      guard let (step, item) = openItem(id) else { return }
      try note(end, of: id, step, item)
    case .idTaken(let id):
      guard let (step, item) = openItem(id) else { return }
      removeLastTry(step, item)
      let message = "another job has the id \(id.text); it was not touched"
      failItem(step, item, WorkflowError(code: WorkflowErrorCode.conflict, message: message))
      try settle(step)
    case .cancelRequested: stop(.cancel, nil)
    case .deadlinePassed:
      guard run.deadlineAt <= now else { return }
      let message = "the workflow has not ended within \(definition.deadline / 1000) seconds"
      stop(.deadline, WorkflowError(code: WorkflowErrorCode.deadline, message: message))
    }
  }

  /// The place of a job that has not ended.
  private func openItem(_ id: WorkflowJobID) -> (step: Int, item: Int)? {
    guard let step = definition.steps.firstIndex(where: { $0.name == id.step }),
      run.steps[step].items.indices.contains(id.item), run.steps[step].items[id.item].state.isOpen,
      job(of: step, id.item) == id
    else { return nil }
    return (step, id.item)
  }

  private mutating func removeLastTry(_ step: Int, _ item: Int) {
    let last = run.steps[step].items[item].tries.count - 1
    if run.steps[step].items[item].tries[last].fallback > 0 {
      run.steps[step].items[item].tries[last].fallback -= 1
    } else {
      run.steps[step].items[item].tries.removeLast()
    }
  }

  private mutating func note(
    _ end: WorkflowJobEnd, of id: WorkflowJobID, _ step: Int, _ item: Int
  ) throws(Sources.Failure) {
    run.usage.add(end)
    run.spent.add(end)
    run.steps[step].state = .running
    run.steps[step].items[item].endedAt = min(end.endedAt ?? now, now)
    let error: WorkflowError
    switch end.result {
    case .succeeded:
      run.steps[step].items[item].state = .succeeded
      return try settle(step)
    case .failed(let reason):
      error = WorkflowError(code: reason.code, message: reason.message, jobID: id.text)
    case .canceled:
      error = WorkflowError(
        code: WorkflowErrorCode.canceled, message: "the job was canceled", jobID: id.text)
    }
    let rules = definition.steps[step]
    let isAlone = run.stop == nil && run.steps[step].error == nil
    if isAlone, rules.job(id.fallback + 1) != nil, rules.allowsFallback(on: error.code) {
      run.steps[step].items[item].state = .waiting
      try order(step, item, fallback: id.fallback + 1)
    } else {
      failItem(step, item, error, isCanceled: end.result == .canceled)
    }
    try settle(step)
  }

  /// Ends an item without an output.
  mutating func failItem(_ step: Int, _ item: Int, _ error: WorkflowError, isCanceled: Bool = false) {
    // A cancel request keeps a job from its retries, so another attempt repeats it.
    let isCut = run.stop != nil && definition.steps[step].skipsFailures
    run.steps[step].items[item].state = isCanceled || isCut ? .canceled : .failed
    run.steps[step].items[item].code = isCanceled || isCut ? nil : error.code.itemCode
    if run.steps[step].items[item].endedAt == nil { run.steps[step].items[item].endedAt = now }
    guard !definition.steps[step].skipsFailures, run.steps[step].error == nil else { return }
    // The end of a job that was canceled for the stop is no failure.
    guard run.stop == nil || !isCanceled else { return }
    run.steps[step].error = error
    cancelItems(of: step)
    noteFailure(of: step, error)
  }

  /// Ends a step before its first item has started.
  mutating func fail(_ step: Int, _ error: WorkflowError, isFatal: Bool = false) {
    run.steps[step].state = .failed
    run.steps[step].error = error
    if isFatal || !definition.steps[step].isOptional { noteFailure(of: step, error, isFatal: true) }
  }

  private mutating func noteFailure(of step: Int, _ error: WorkflowError, isFatal: Bool = false) {
    guard isFatal || !definition.steps[step].isOptional else { return }
    var error = error
    error.step = definition.steps[step].name
    run.error = run.error ?? error
    if definition.cancelsOnFailure { stop(.failure, nil) }
  }

  /// Ends a step whose items are over.
  mutating func close(_ step: Int) {
    let result = run.steps[step]
    if result.error != nil {
      run.steps[step].state = result.count(.failed) > 0 ? .failed : .canceled
    } else if run.stop != nil, result.count(.canceled) > 0 {
      run.steps[step].state = .canceled
    } else {
      run.steps[step].state = .succeeded
    }
  }
}

// MARK: - The workflow's end

extension WorkflowMachine {
  /// Starts nothing any more, and cancels what runs.
  mutating func stop(_ reason: WorkflowRun.Stop, _ error: WorkflowError?) {
    guard run.stop == nil else { return }
    run.stop = reason
    run.error = run.error ?? error
    for step in run.steps.indices where !run.steps[step].state.isOver {
      guard run.steps[step].state != .waiting else {
        run.steps[step].state = .canceled
        continue
      }
      // A step that has failed has canceled its items already.
      if run.steps[step].error == nil { cancelItems(of: step) }
      if run.steps[step].items.allSatisfy(\.state.isOver) { close(step) }
    }
  }

  private mutating func cancelItems(of step: Int) {
    for item in run.steps[step].items.indices {
      switch run.steps[step].items[item].state {
      case .waiting: run.steps[step].items[item].state = .canceled
      case .pending, .running: if let id = job(of: step, item) { effects.append(.cancel(id)) }
      case .succeeded, .failed, .canceled: break
      }
    }
  }

  /// Ends the workflow where all steps are over.
  mutating func finish() throws(Sources.Failure) {
    guard !run.state.isTerminal else { return }
    guard run.steps.allSatisfy(\.state.isOver) else {
      let hasBegun = run.steps.contains { $0.state != .waiting && $0.state != .pending }
      if hasBegun { run.state = .running }
      return
    }
    run.endedAt = now
    if run.stop == .cancel {
      run.state = .canceled
      return
    }
    run.error = run.error ?? missedStep()
    guard run.error == nil else {
      run.state = .failed
      return
    }
    run.state = .succeeded
    try assembleOutput()
  }

  /// The error of a step that had to be skipped because an optional one has failed.
  private func missedStep() -> WorkflowError? {
    for step in run.steps.indices where run.steps[step].because == .upstreamFailed {
      guard !definition.steps[step].isOptional else { continue }
      let failed = definition.steps[step].sources.first { source in
        !source.isWeak && run.steps[source.step].state != .succeeded
      }
      let name = failed.map { "`\(definition.steps[$0.step].name)`" } ?? "a step"
      return WorkflowError(
        code: WorkflowErrorCode.upstreamFailed, message: "it needs \(name), which has no output",
        step: definition.steps[step].name)
    }
    return nil
  }

  private var maxOutputBytes: Int { 8 * 1024 * 1024 }

  private mutating func assembleOutput() throws(Sources.Failure) {
    let last = definition.steps.count - 1
    guard definition.output != nil || run.steps[last].state == .succeeded else { return }
    let reference = Reference(source: .step(last), pointer: .whole, text: definition.steps[last].name)
    let template =
      definition.output
      ?? Template(pieces: [.expression(.from(reference, default: nil))], range: 0..<0)
    var read: Set<Int> = []
    template.forEachReference { reference, _ in
      if case .step(let step) = reference.source { read.insert(step) }
    }
    var resolver = Resolver(
      try scope(reading: read.sorted(), isLocated: false), maxBytes: maxOutputBytes)
    do throws(ResolutionFault) {
      run.output = try resolver.resolve(template).bytes
    } catch {
      if case .tooLarge = error { run.outputError = "too_large" } else { run.outputError = error.code }
    }
  }
}

extension WorkflowMachine {
  /// Begins another attempt: what has succeeded is kept, unless its files are gone.
  ///
  /// - Parameter expired: the items whose files are gone, by step.
  mutating func beginAttempt(repeating expired: [Int: Set<Int>]) {
    let lost = Set(expired.keys.filter { run.steps[$0].state == .succeeded })
    let stale = DependencyGraph(definition.steps).dependents(of: lost)
    for step in run.steps.indices {
      let isKept = run.steps[step].state == .succeeded && !lost.contains(step) && !stale.contains(step)
      guard !isKept else { continue }
      run.steps[step].state = .waiting
      run.steps[step].because = nil
      run.steps[step].error = nil
      for item in run.steps[step].items.indices {
        let hasOutput = run.steps[step].items[item].state == .succeeded
        guard !hasOutput || stale.contains(step) || expired[step]?.contains(item) ?? false else { continue }
        run.steps[step].items[item].state = .waiting
        run.steps[step].items[item].endedAt = nil
        run.steps[step].items[item].code = nil
      }
    }
    run.attempt += 1
    run.state = .pending
    run.stop = nil
    run.error = nil
    run.endedAt = nil
    run.planned = 0
    run.spent = WorkflowRun.Usage()
    run.deadlineAt = now.advanced(byMilliseconds: definition.deadline)
  }
}

extension String {
  /// A code within the characters of ``StepRun/text(of:)``.
  fileprivate var itemCode: String {
    String(decoding: utf8.prefix(64).filter { $0.isAlphanumeric || $0 == UInt8(ascii: "_") }, as: UTF8.self)
  }
}
