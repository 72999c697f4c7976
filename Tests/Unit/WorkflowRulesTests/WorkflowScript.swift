import JSONText
import JobRequests
import Jobs
import Testing
import Time
import WorkflowDefinitions
import WorkflowRules

/// How a job of a script ends.
enum ScriptedEnd {
  case output(String)
  case failure(String)
  case canceled
}

/// Runs a workflow in memory: each order ends as scripted, and each end is decided at once.
final class WorkflowScript {
  let definition: WorkflowDefinition
  private(set) var run: WorkflowRun
  private(set) var now = Timestamp(milliseconds: 1_764_547_200_000)
  /// Ordered, and not ended.
  private(set) var open: [WorkflowOrder] = []
  /// All ids of jobs that were ordered.
  private(set) var ordered: [String] = []
  private(set) var bodies: [String: String] = [:]
  private(set) var canceled: [String] = []
  private(set) var ends = 0
  var predictMilliseconds: Int64 = 1000
  /// Where the files of expired outputs are.
  var location: (String) -> FileLocation = { FileExpiry.concerns($0) ? .gone : .unchanged }
  private var outputs: [WorkflowJobID: [UInt8]] = [:]
  private let reads = Reads()

  init(_ body: String, id: String = "w") throws {
    definition = try WorkflowDefinition(body: Array(body.utf8))
    run = WorkflowRun(of: definition, id: definition.id ?? id, at: now)
    decide([.accepted])
  }

  private final class Reads {
    var count = 0
  }

  private struct Reader: WorkflowSources {
    let outputs: [WorkflowJobID: [UInt8]]
    let location: (String) -> FileLocation
    let reads: Reads

    func output(of job: WorkflowJobID) -> [UInt8]? {
      reads.count += 1
      return outputs[job]
    }

    func location(of url: String, in job: WorkflowJobID) -> FileLocation { location(url) }
  }

  private var reader: Reader { Reader(outputs: outputs, location: location, reads: reads) }

  /// How many outputs were read.
  var readOutputs: Int { reads.count }

  /// Deletes the output of a job with the job.
  func deleteOutput(of job: String) { outputs = outputs.filter { $0.key.text != job } }

  func decide(_ events: [WorkflowEvent]) {
    apply(definition.decide(run, after: events, at: now, reading: reader))
  }

  private func apply(_ decision: WorkflowDecision) {
    // An expectation costs more than a decision.
    let changed = run.steps.indices.filter { run.steps[$0] != decision.run.steps[$0] }
    if decision.run.revision != run.revision + (decision.hasChanged ? 1 : 0)
      || decision.changedSteps != changed
    {
      Issue.record("the decision does not name its changes")
    }
    run = decision.run
    if decision.endsWorkflow { ends += 1 }
    for effect in decision.effects {
      switch effect {
      case .order(let order):
        #expect(!ordered.contains(order.id.text), "ordered twice: \(order.id.text)")
        #expect(order.id.text.utf8.count <= 64)
        #expect(order.request.id == order.id.text)
        open.append(order)
        ordered.append(order.id.text)
        bodies[order.id.text] = String(decoding: order.body, as: UTF8.self)
      case .cancel(let id): canceled.append(id.text)
      }
    }
    // What is stored is all that is known.
    for step in changed
    where StepRun.items(of: StepRun.text(of: run.steps[step].items)) != run.steps[step].items {
      Issue.record("the items of step \(step) are not those of their text")
    }
  }

  func advance(minutes: Int64) { now = now.advanced(byMilliseconds: minutes * 60_000) }

  /// Ends an open job.
  func end(_ id: String, _ end: ScriptedEnd) {
    guard let index = open.firstIndex(where: { $0.id.text == id }) else {
      Issue.record("\(id) is not open; these are: \(open.map(\.id.text))")
      return
    }
    let order = open.remove(at: index)
    let result: WorkflowJobEnd.Result =
      switch end {
      case .output: .succeeded
      case .failure(let code): .failed(JobError(code: code, message: "it failed"))
      case .canceled: .canceled
      }
    if case .output(let text) = end { outputs[order.id] = Array(text.utf8) }
    let event = WorkflowJobEnd(
      result, predictMilliseconds: predictMilliseconds, endedAt: now)
    decide([.jobStarted(order.id), .jobEnded(order.id, event)])
  }

  /// Ends jobs in the order of their orders, until none is open.
  func end(all ends: (WorkflowOrder) -> ScriptedEnd) {
    // Bounded by the limit of jobs of a definition, fallbacks included.
    for _ in 0..<4000 {
      guard let order = open.first else { return }
      end(order.id.text, canceled.contains(order.id.text) ? .canceled : ends(order))
    }
    Issue.record("the workflow does not end")
  }

  func resume(strict: Bool = false) -> WorkflowResumption {
    let resumption = definition.resume(run, isStrict: strict, at: now, reading: reader)
    if case .resumed(let decision) = resumption { apply(decision) }
    return resumption
  }

  // MARK: - Results

  var states: [String: String] {
    Dictionary(uniqueKeysWithValues: zip(definition.steps.map(\.name), run.steps.map(\.state.rawValue)))
  }

  var output: String? { run.output.map { String(decoding: $0, as: UTF8.self) } }

  func input(of job: String) throws -> String {
    let body = Array(try #require(bodies[job]).utf8)
    let object = try JSONScanner.object(body.span)
    let found = object.value(named: "input", in: body.span)
    let value = try #require(found)
    return String(decoding: body[value.range], as: UTF8.self)
  }

  func output(of step: String) -> String? {
    guard let position = definition.steps.firstIndex(where: { $0.name == step }) else { return nil }
    return definition.output(of: position, in: run, at: now, reading: reader)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  var document: String {
    var details = WorkflowJobDetails()
    for step in run.steps.indices {
      details.outputs[step] = definition.output(of: step, in: run, at: now, reading: reader)
    }
    return String(decoding: WorkflowDocument.whole(run, of: definition, details), as: UTF8.self)
  }
}

extension WorkflowOrder {
  /// `acme/poster`
  var model: String { request.model ?? "" }
}
