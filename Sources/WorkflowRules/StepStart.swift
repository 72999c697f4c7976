internal import JSONText
internal import JobRequests
internal import WorkflowDefinitions

/// How steps and their items start.
extension WorkflowMachine {
  /// Starts what no longer waits for anything, and ends the workflow where nothing runs any more.
  mutating func advance() throws(Sources.Failure) {
    // Bounded: each start takes a step out of `waiting`.
    while run.stop == nil, let step = run.steps.indices.first(where: isReady) { try start(step) }
    try finish()
  }

  private func isReady(_ step: Int) -> Bool {
    run.steps[step].state == .waiting
      && definition.steps[step].sources.allSatisfy { run.steps[$0.step].state.isOver }
  }

  private mutating func start(_ step: Int) throws(Sources.Failure) {
    if let reason = upstreamReason(of: step) { return skip(step, reason) }
    let rules = definition.steps[step]
    let scope = try scope(of: step, isLocated: false)
    do throws(ResolutionFault) {
      if let condition = rules.when {
        var evaluator = ConditionEvaluator(scope, member: "when")
        if try evaluator.violation(of: condition) != nil { return skip(step, .condition) }
      }
      if let condition = rules.require {
        var evaluator = ConditionEvaluator(scope, member: "require")
        if let violation = try evaluator.violation(of: condition) {
          let error = WorkflowError(code: WorkflowErrorCode.gateRefused, message: violation)
          return fail(step, error, isFatal: true)
        }
      }
      try expand(step, scope)
    } catch {
      return fail(step, WorkflowError(error))
    }
    guard run.steps[step].state == .waiting else { return }
    let new = run.steps[step].count(.waiting)
    guard run.planned + new <= definition.limits.predictions else {
      return stop(
        .limit,
        WorkflowError(
          code: WorkflowErrorCode.limitReached,
          message: "limits.predictions is \(definition.limits.predictions), \(run.planned) are planned, and "
            + "the step needs \(new) more",
          step: rules.name))
    }
    run.planned += new
    run.steps[step].state = .pending
    try settle(step)
  }

  /// Why a step cannot run, by the ends of the steps that it needs.
  private func upstreamReason(of step: Int) -> StepRun.SkipReason? {
    var reason: StepRun.SkipReason?
    for source in definition.steps[step].sources where !source.isWeak {
      let other = run.steps[source.step]
      switch other.state {
      case .failed, .canceled: return .upstreamFailed
      case .skipped where other.because == .upstreamFailed: return .upstreamFailed
      case .skipped: reason = .upstreamSkipped
      case .waiting, .pending, .running, .succeeded: break
      }
    }
    return reason
  }

  private mutating func skip(_ step: Int, _ reason: StepRun.SkipReason) {
    run.steps[step].state = .skipped
    run.steps[step].because = reason
  }

  // MARK: - Items

  /// Fixes the items of a step. Those that an earlier attempt has kept stay.
  private mutating func expand(_ step: Int, _ scope: Scope) throws(ResolutionFault) {
    let rules = definition.steps[step]
    guard let list = rules.list else {
      if run.steps[step].items.count != 1 { run.steps[step].items = [ItemRun()] }
      return
    }
    var resolver = Resolver(scope, maxBytes: PredictionRequest.maxInputBytes)
    let array = try resolver.resolve(list.items)
    guard array.value.kind == .array else {
      throw .unresolved("for_each is \(array.value.kind.noun), and must be an array")
    }
    // An array of 4 MiB may have two million of them.
    let count = array.count
    guard count <= list.maxItems else {
      let message = "for_each has \(count) items, and max_items is \(list.maxItems)"
      return fail(step, WorkflowError(code: WorkflowErrorCode.tooManyItems, message: message))
    }
    let elements = array.elements
    let digest = array.bytes.digest
    if run.steps[step].items.count != elements.count || run.steps[step].itemsDigest != digest {
      run.steps[step].items = elements.map { _ in ItemRun() }
      run.steps[step].itemsDigest = digest
    }
    if !list.skipsFailures { try checkInputs(of: step, elements, scope) }
  }

  /// Finds references that fail for an item before the first one is paid for.
  ///
  /// It reads as much as one item may. What it has not checked then fails when the item starts.
  private func checkInputs(
    of step: Int, _ elements: [SourceText], _ scope: Scope
  ) throws(ResolutionFault) {
    var budget = ReadBudget()
    for (index, element) in elements.enumerated() where run.steps[step].items[index].state == .waiting {
      var scope = scope
      (scope.item, scope.index) = (element, index)
      var resolver = Resolver(scope, maxBytes: PredictionRequest.maxInputBytes, budget: budget)
      do throws(ResolutionFault) {
        _ = try resolver.resolve(definition.steps[step].target.input)
      } catch {
        guard error != ResolutionFault(ReadBudget.Exhausted()) else { return }
        throw error
      }
      budget = resolver.budget
    }
  }

  /// Starts as many items as may run at once, and ends the step after the last one.
  mutating func settle(_ step: Int) throws(Sources.Failure) {
    // Bounded: each round takes an item out of `waiting`.
    while !run.steps[step].state.isOver {
      if run.steps[step].items.allSatisfy(\.state.isOver) { return close(step) }
      // A stop or a failure leaves none of them waiting.
      guard run.steps[step].openItems < definition.steps[step].parallel,
        let item = run.steps[step].items.firstIndex(where: { $0.state == .waiting })
      else { return }
      try order(step, item, fallback: 0)
    }
  }

  /// Orders a job of an item, which waits.
  mutating func order(_ step: Int, _ item: Int, fallback: Int) throws(Sources.Failure) {
    if let limit = definition.limits.predictTime, run.spent.predictMilliseconds >= limit {
      let message = "the jobs that have ended took limits.predict_seconds, \(limit / 1000)"
      return stop(
        .limit,
        WorkflowError(
          code: WorkflowErrorCode.limitReached, message: message, step: definition.steps[step].name))
    }
    guard let job = definition.steps[step].job(fallback) else { return }
    let scope: Scope
    do throws(ItemFault<Sources.Failure>) {
      scope = try itemScope(step, item)
    } catch {
      switch error {
      case .source(let failure): throw failure
      case .resolution(let fault): return failItem(step, item, WorkflowError(fault))
      }
    }
    let tries = run.steps[step].items[item].tries
    if fallback == 0 {
      run.steps[step].items[item].tries.append(ItemRun.Try(attempt: run.attempt, fallback: 0))
    } else {
      run.steps[step].items[item].tries[tries.count - 1].fallback = fallback
    }
    guard let id = self.job(of: step, item) else { return }
    do throws(ResolutionFault) {
      let order = try order(id, job, scope)
      run.steps[step].items[item].state = .pending
      run.steps[step].items[item].code = nil
      effects.append(.order(order))
    } catch {
      // This job was never ordered.
      run.steps[step].items[item].tries = tries
      failItem(step, item, WorkflowError(error))
    }
  }

  private mutating func itemScope(
    _ step: Int, _ item: Int
  ) throws(ItemFault<Sources.Failure>) -> Scope {
    var scope: Scope
    do throws(Sources.Failure) {
      scope = try self.scope(of: step, isLocated: true)
    } catch {
      throw .source(error)
    }
    guard let list = definition.steps[step].list else { return scope }
    if values.items[step] == nil {
      do throws(ResolutionFault) {
        var resolver = Resolver(scope, maxBytes: PredictionRequest.maxInputBytes)
        values.items[step] = try resolver.resolve(list.items).elements
      } catch {
        throw .resolution(error)
      }
    }
    if let items = values.items[step], items.indices.contains(item) { scope.item = items[item] }
    scope.index = item
    return scope
  }

  private func order(
    _ id: WorkflowJobID, _ job: WorkflowDefinition.JobTemplate, _ scope: Scope
  ) throws(ResolutionFault) -> WorkflowOrder {
    var resolver = Resolver(scope, maxBytes: PredictionRequest.maxInputBytes)
    let input = try resolver.resolve(job.input)
    guard input.value.kind == .object else {
      throw .unresolved("input is \(input.value.kind.noun), and must be an object")
    }
    if let file = input.expired.first {
      throw .expired("\(file.url.cutToLine(of: 200)) has expired at the provider, and no copy was kept")
    }
    var writer = JSONWriter(capacity: input.bytes.count + 512)
    writer.object { object in
      object.member("id", string: id.text)
      for member in job.members where member.name != "metadata" {
        object.member(named: member.name) { $0.raw(scope.definition[member.value]) }
      }
      object.member("metadata", raw: definition.metadata(of: job)?[...])
      object.member("input", raw: input.bytes[...])
    }
    do throws(PredictionRequestError) {
      return WorkflowOrder(
        id: id, body: writer.bytes, request: try PredictionRequest(body: writer.bytes.span))
    } catch {
      if case .inputTooLarge(let reason) = error { throw .tooLarge(reason) }
      throw .unresolved(error.description)
    }
  }
}

/// Why an item's references lead nowhere.
private enum ItemFault<Failure: Error>: Error {
  case source(Failure)
  case resolution(ResolutionFault)
}
