internal import HTTPWire
internal import Crypto
internal import Jobs
internal import JobsAPI
internal import Routing
internal import StoreSeam
internal import Time
internal import WorkflowDefinitions
internal import WorkflowRecords
internal import WorkflowRules

/// Reads workflows, and makes their documents.
struct WorkflowReads {
  let views: JobViews
  let runtime: WorkflowRuntime

  /// In bytes of the outputs of all steps. The jobs have those that would exceed it.
  private static let maxOutputBytes = 16 << 20
  /// The number of jobs, or of workflows, that are read without other work of the loop between.
  static let batchSize = 16

  func record(_ id: String) async throws(Problem) -> WorkflowRecord {
    let context = runtime.context
    let found = try await views.read { (reader) throws(StorageError) in
      try await reader.workflow(id, context)
    }
    guard let found else { throw .workflowNotFound }
    return found
  }

  func document(_ id: String) async throws(Problem) -> [UInt8] { try await document(of: record(id)) }

  /// The whole document, with what the jobs have.
  func document(of record: WorkflowRecord) async throws(Problem) -> [UInt8] {
    let (run, definition) = (record.run, record.definition)
    var details = WorkflowJobDetails()
    var outputs: [WorkflowJobID: [UInt8]] = [:]
    var (size, count) = (0, 0)
    for (position, step) in run.steps.enumerated() {
      for (index, item) in step.items.enumerated() where item.state == .succeeded || item.state.isOpen {
        guard let id = run.job(of: definition.steps[position].name, position, index) else { continue }
        // The output of a step that has failed is not shown.
        guard item.state.isOpen || step.state == .succeeded else { continue }
        if item.state == .succeeded, size > Self.maxOutputBytes {
          details.omittedOutputs.insert(position)
          continue
        }
        count += 1
        if count.isMultiple(of: Self.batchSize) { await views.pause() }
        let job = try await views.read { (reader) throws(StorageError) in try await reader.job(id.text) }
        guard let job else { continue }
        if item.state.isOpen {
          details.progress[id] = job.job.progress
          if job.job.state == .stale { details.staleJobs.insert(id) }
        } else if let output = JobOutput.text(in: job.body) {
          size += output.count
          outputs[id] = output
        }
      }
    }
    let sources = ReadOutputs(outputs: outputs)
    for position in run.steps.indices where !details.omittedOutputs.contains(position) {
      details.outputs[position] = definition.output(of: position, in: run, at: views.now, reading: sources)
    }
    return WorkflowDocument.whole(run, of: definition, details)
  }
}

/// Outputs that were read before.
private struct ReadOutputs: WorkflowSources {
  let outputs: [WorkflowJobID: [UInt8]]

  func output(of job: WorkflowJobID) throws(Never) -> [UInt8]? { outputs[job] }

  func location(of url: String, in job: WorkflowJobID) throws(Never) -> FileLocation { .unchanged }
}

extension EntityTag {
  /// Of a document whose text changes without a number, such as by progress.
  init(document: [UInt8]) { self.init(digest: SHA256().digest(of: document.span)) }
}

extension Problem {
  static let workflowNotFound = Problem(
    .notFound, .workflowNotFound, "there is no workflow with this id: it was never made, or has been deleted")
}
