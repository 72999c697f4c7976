import FaultyDisk
import Jobs
import SQLiteStore
import WorkflowGraphs

/// The check of workflows after the last end of the daemon: by the naive evaluator, and by what was paid
/// for.
struct GraphVerdict {
  private let simulation: GraphSimulation

  init(_ simulation: GraphSimulation) { self.simulation = simulation }

  /// The first violation; nil if there is none.
  func problem() -> String? {
    for (workflow, evaluation) in zip(simulation.workflows, simulation.evaluations) {
      guard let shown = workflow.shown else { return "\(workflow.id) was never shown" }
      let reason =
        wrongEnd(shown, of: workflow, evaluation) ?? wrongJobs(shown, of: workflow, evaluation)
        ?? wrongCallbacks(of: workflow)
      if let reason { return "\(workflow.id): \(reason); it is \(shown); \(workflow.body)" }
    }
    if let reason = simulation.callbacks.violation() { return reason }
    do {
      // The writer first, because opening it recovers the database.
      _ = try SQLiteStore(path: simulation.disk.path, busyTimeout: 0)
      return try wrongStore(SQLiteReader(path: simulation.disk.path, busyTimeout: 0))
    } catch {
      return "the store cannot be read: \(error)"
    }
  }
}

// MARK: - Ends

extension GraphVerdict {
  private func wrongEnd(
    _ shown: ShownWorkflow, of workflow: AppWorkflow, _ evaluation: GraphSimulation.Evaluation
  ) -> String? {
    // The request that was in time has its effect, and nothing but a resumption undoes it.
    if shown.state == "canceled" { return workflow.isCancelRequested ? nil : "nobody has canceled it" }
    let naive = evaluation.naive
    var fails = naive.refusedGate
    for step in evaluation.plan.graph.steps {
      guard let result = naive.results[step.name] else { continue }
      if !step.isOptional, result == .failed || result == .skippedByFailure { fails = true }
    }
    let state = fails ? "failed" : "succeeded"
    guard shown.state == state else { return "it should have \(state)" }
    if (shown.errorCode != nil) != fails { return "its error is \(shown.errorCode ?? "none")" }
    let mayBeCut = fails && evaluation.plan.cancelsOnFailure
    for step in evaluation.plan.graph.steps {
      guard let result = naive.results[step.name] else { continue }
      guard let found = shown.step(step.name) else { return "step \(step.name) is missing" }
      // A job that was canceled for the failure is not retried, and has no fallback.
      if mayBeCut, ["canceled", "skipped", "failed"].contains(found.state) { continue }
      // An interrupted prediction is not followed by another one once it is to be canceled.
      if found.state != result.state { return "step \(step.name) is \(found.state), not \(result.state)" }
      if case .output(let value) = result, found.output != value.text {
        return "step \(step.name) has \(found.output ?? "no output"), not \(value.text)"
      }
    }
    guard !fails else { return nil }
    let output = try? naive.value(evaluation.plan.graph.output, nil, 0).text
    return shown.output == output ? nil : "its output is \(shown.output ?? "none"), not \(output ?? "none")"
  }
}

// MARK: - What was paid for

extension GraphVerdict {
  private func wrongJobs(
    _ shown: ShownWorkflow, of workflow: AppWorkflow, _ evaluation: GraphSimulation.Evaluation
  ) -> String? {
    let listed = shown.steps.flatMap(\.jobs)
    if Set(listed).count != listed.count { return "a job is listed twice" }
    let created = simulation.jobs.enumerated().filter { $0.element.workflow == workflow.id }
    var total = 0
    var successes: [Graph.Place: Int] = [:]
    for (number, job) in created {
      guard listed.contains(job.id) else { return "job \(job.id) is not listed" }
      let predictions = simulation.account.predictions(of: number)
      total += predictions.count
      if let place = job.place, predictions.contains(where: { $0.status == "succeeded" }) {
        successes[place, default: 0] += 1
      }
      let planned = job.script.interruptions + 1
      // One that was canceled may have fewer.
      let isWhole = workflow.isUndisturbed && !mayBeCut(job, shown, evaluation)
      if predictions.count > planned || isWhole && predictions.count != planned {
        return "job \(job.id) has \(predictions.count) predictions, not \(planned)"
      }
    }
    if let twice = successes.first(where: { $0.value > 1 }) { return "\(twice.key) was paid for twice" }
    for (step, count) in workflow.kept where simulation.predictionCount(of: step, workflow) != count {
      return "step \(step) was kept, and has more predictions"
    }
    guard workflow.isUndisturbed else { return nil }
    if shown.predictions != total { return "\(shown.predictions) of \(total) predictions are counted" }
    let places = Set(created.compactMap(\.element.place))
    let missing = evaluation.naive.inputs.keys.filter { place in
      !places.contains(place) && !mayBeCut(place.step, shown, evaluation)
    }
    return missing.isEmpty ? nil : "no job was created for \(missing)"
  }

  private func mayBeCut(
    _ job: WorkflowJob, _ shown: ShownWorkflow, _ evaluation: GraphSimulation.Evaluation
  ) -> Bool { mayBeCut(job.step, shown, evaluation) }

  /// Whether a failure may have canceled jobs of the step.
  private func mayBeCut(
    _ name: String, _ shown: ShownWorkflow, _ evaluation: GraphSimulation.Evaluation
  ) -> Bool {
    if evaluation.plan.cancelsOnFailure, shown.state == "failed" { return true }
    guard let step = evaluation.plan.graph.steps.first(where: { $0.name == name }) else { return false }
    return step.isFanOut && !step.skipsFailures && evaluation.naive.results[name] == .failed
  }

  /// The end of each attempt was accepted, in order.
  ///
  /// The app may have missed that of an attempt which a repeated request has followed by another.
  private func wrongCallbacks(of workflow: AppWorkflow) -> String? {
    var types: [(id: String, type: String)] = []
    for event in simulation.callbacks.accepted where event.job == workflow.id && types.last?.id != event.id {
      types.append((event.id, event.type))
    }
    var ends = workflow.ends.map { "workflow.\($0)" }[...]
    for type in types where type.type == ends.first { ends.removeFirst() }
    guard ends.isEmpty, types.count == workflow.shown?.attempt else {
      return "the callbacks are \(types), and the ends \(workflow.ends)"
    }
    return nil
  }
}

// MARK: - The store

extension GraphVerdict {
  private func wrongStore(_ reader: SQLiteReader) throws -> String? {
    if let damage = try reader.damage() { return "damaged: \(damage)" }
    let jobs = try reader.jobs(matching: JobFilter(), before: nil, limit: 5000).jobs
    if let open = jobs.first(where: { !$0.phase.isTerminal }) { return "\(open.id) has not ended" }
    let listed = simulation.workflows.flatMap { $0.shown?.steps.flatMap(\.jobs) ?? [] }
    let stored = Set(jobs.map(\.id))
    if stored != Set(listed) {
      return "the jobs \(stored.symmetricDifference(listed).sorted()) are not both listed and stored"
    }
    let due = try reader.nextDue()
    if due.create != nil || due.find != nil { return "an order is still due" }
    return nil
  }
}
