internal import JSONText
package import Time
package import WorkflowDefinitions

/// What a workflow's document shows of its jobs.
package struct WorkflowJobDetails: Sendable {
  /// The JSON texts of the steps' outputs, by position.
  package var outputs: [Int: [UInt8]] = [:]
  /// The steps whose outputs are too large together with the others'. Their jobs have them.
  package var omittedOutputs: Set<Int> = []
  /// In ten-thousandths, of jobs that run.
  package var progress: [WorkflowJobID: Int64] = [:]
  package var staleJobs: Set<WorkflowJobID> = []

  package init() {}
}

/// The API's JSON documents of workflows.
///
/// Inputs and outputs are slices, so that no number is printed again. A member that has no value is absent.
package enum WorkflowDocument {
  /// The whole document of `GET /workflows/{id}`, which callbacks carry too.
  package static func whole(
    _ run: WorkflowRun, of definition: WorkflowDefinition, _ details: WorkflowJobDetails
  ) -> [UInt8] {
    var writer = JSONWriter(capacity: 2048 + (run.output?.count ?? 0))
    writer.object { object in
      head(of: run, in: &object)
      object.member("input", raw: definition.inputText)
      object.member("steps") { list in
        list.array(run.steps.indices) { element, step in
          element.object { self.step(step, of: run, definition, details, in: &$0) }
        }
      }
      object.member("output", raw: run.output?[...])
      object.member("output_error", string: run.outputError)
      tail(of: run, in: &object)
      object.member("metadata", raw: definition.metadata?[...])
      object.member("callback", raw: definition.callbackText?[...])
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  /// A workflow of a list: without inputs, outputs and jobs.
  package static func row(_ run: WorkflowRun, of definition: WorkflowDefinition) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { object in
      head(of: run, in: &object)
      object.member("steps") { list in
        list.array(zip(definition.steps, run.steps)) { element, step in
          element.object { object in
            object.member("name", string: step.0.name)
            object.member("state", string: step.1.state.rawValue)
          }
        }
      }
      tail(of: run, in: &object)
      object.member("metadata", raw: definition.metadata?[...])
    }
    return writer.bytes
  }

  private static func head(of run: WorkflowRun, in object: inout JSONWriter.Object) {
    object.member("id", string: run.id)
    object.member("state", string: run.state.rawValue)
    object.member("revision", integer: run.revision)
    object.member("attempt", integer: run.attempt)
  }

  private static func tail(of run: WorkflowRun, in object: inout JSONWriter.Object) {
    if let error = run.error { object.member("error") { write(error, to: &$0) } }
    if let stop = run.stop, !run.state.isTerminal { object.member("stopping", string: stop.rawValue) }
    object.member("usage") { member in
      member.object { object in
        let running = run.steps.reduce(0) { $0 + $1.count(.running) }
        object.member("predictions", integer: run.usage.predictions + Int64(running))
        object.member("predict_seconds") { $0.decimal(run.usage.predictMilliseconds, places: 3) }
      }
    }
    object.member("created_at", string: run.createdAt.rfc3339)
    object.member("updated_at", string: run.updatedAt.rfc3339)
    object.member("deadline_at", string: run.state.isTerminal ? nil : run.deadlineAt.rfc3339)
    object.member("ended_at", string: run.endedAt?.rfc3339)
  }

  private static func write(_ error: WorkflowError, to writer: inout JSONWriter) {
    writer.object { object in
      object.member("code", string: error.code)
      object.member("message", string: error.message)
      object.member("step", string: error.step)
      object.member("job_id", string: error.jobID)
    }
  }
}

// MARK: - Steps

extension WorkflowDocument {
  private static func step(
    _ position: Int, of run: WorkflowRun, _ definition: WorkflowDefinition, _ details: WorkflowJobDetails,
    in object: inout JSONWriter.Object
  ) {
    let (rules, step) = (definition.steps[position], run.steps[position])
    object.member("name", string: rules.name)
    object.member("state", string: step.state.rawValue)
    object.member("because", string: step.because?.rawValue)
    let needs = rules.sources.map { definition.steps[$0.step].name }
    if !needs.isEmpty { object.member("needs") { list in list.array(needs) { $0.string($1) } } }
    let jobs = run.jobs(of: rules.name, position)
    if !jobs.isEmpty { object.member("jobs") { list in list.array(jobs) { $0.string($1.text) } } }
    if rules.isFanOut, step.state != .waiting, step.itemsDigest != nil {
      object.member("items") { items(of: step, to: &$0) }
    } else if let last = step.items.first?.tries.last, last.fallback > 0 {
      object.member("used", string: rules.job(last.fallback)?.name)
    }
    if rules.isOptional { object.member("optional", bool: true) }
    if !step.state.isOver {
      if let progress = progress(of: step, jobs, details) {
        object.member("progress") { $0.decimal(progress, places: 4) }
      }
      if jobs.contains(where: details.staleJobs.contains) { object.member("stale", bool: true) }
    }
    if step.state == .waiting {
      let names = rules.sources.filter { !run.steps[$0.step].state.isOver }.map {
        definition.steps[$0.step].name
      }
      object.member("waits_for") { list in list.array(names) { $0.string($1) } }
    }
    object.member("output", raw: step.state == .succeeded ? details.outputs[position]?[...] : nil)
    if details.omittedOutputs.contains(position) { object.member("output_omitted", bool: true) }
    if let error = step.error { object.member("error") { write(error, to: &$0) } }
  }

  /// The counts of a fan-out, and the items without an output.
  private static func items(of step: StepRun, to writer: inout JSONWriter) {
    writer.object { object in
      object.member("total", integer: step.items.count)
      object.member("succeeded", integer: step.count(.succeeded))
      object.member("failed", integer: step.count(.failed))
      if step.count(.canceled) > 0 { object.member("canceled", integer: step.count(.canceled)) }
      let failed = step.items.indices.filter { step.items[$0].code != nil }
      guard !failed.isEmpty else { return }
      object.member("errors") { list in
        list.array(failed) { element, item in
          element.object { object in
            object.member("item", integer: item)
            object.member("code", string: step.items[item].code)
          }
        }
      }
    }
  }

  /// In ten-thousandths: the mean of the items. Nil where nothing is known of any.
  private static func progress(
    of step: StepRun, _ jobs: [WorkflowJobID], _ details: WorkflowJobDetails
  ) -> Int64? {
    guard !step.items.isEmpty, step.state == .running else { return nil }
    let known = jobs.compactMap { details.progress[$0] }
    let ended = Int64(step.items.count { $0.state.isOver })
    guard !known.isEmpty || ended > 0 else { return nil }
    return min(10_000, (known.reduce(0, +) + 10_000 * ended) / Int64(step.items.count))
  }
}

extension WorkflowRun {
  /// The jobs of a step in the order of its items, those of earlier attempts and of fallbacks included.
  package func jobs(of name: String, _ position: Int) -> [WorkflowJobID] {
    steps[position].items.enumerated().flatMap { index, item in
      item.tries.flatMap { attempt in
        (0...attempt.fallback).map { fallback in
          WorkflowJobID(
            workflow: id, step: name, item: index, attempt: attempt.attempt, fallback: fallback)
        }
      }
    }
  }
}

extension WorkflowDefinition {
  /// The JSON text of a step's output for its document. Nil where it has none.
  package func output<Sources: WorkflowSources>(
    of step: Int, in run: WorkflowRun, at now: Timestamp, reading sources: Sources
  ) throws(Sources.Failure) -> [UInt8]? {
    guard run.steps[step].state == .succeeded else { return nil }
    var machine = WorkflowMachine(self, run, at: now, reading: sources)
    guard case .output(let text) = try machine.scope(reading: [step], isLocated: false).steps[step] else {
      return nil
    }
    return text.bytes
  }
}
