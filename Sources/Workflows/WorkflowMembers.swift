internal import HTTPWire
internal import JSONText
internal import JobsAPI
internal import Ledger
internal import Routing
internal import StoreSeam
internal import Tables
internal import WorkflowRecords
internal import WorkflowRules

/// Adds `workflow` and `step` to the documents of workflows' jobs.
struct WorkflowMembers: JobMembers {
  func concerns(_ id: String, body: [UInt8]) -> Bool { WorkflowJob.mayHave(id) }

  func members(
    ofJob number: Int64, id: String, in reader: any StoreReader
  ) async throws(StorageError) -> [JobMember] {
    guard let job = try await reader.workflowJob(id), job.number == number else { return [] }
    return Self.members(of: job)
  }

  func members(
    ofJobs numbers: [Int64], in reader: any StoreReader
  ) async throws(StorageError) -> [Int64: [JobMember]] {
    var query = TableQuery(WorkflowJobTable.declaration, limit: numbers.count)
    query.index = WorkflowJobTable.byNumber
    query.among = numbers
    var members: [Int64: [JobMember]] = [:]
    for job in try await reader.rows(query).compactMap({ WorkflowJob($0) }) {
      members[job.number] = Self.members(of: job)
    }
    return members
  }

  private static func members(of job: WorkflowJob) -> [JobMember] {
    [JobMember("workflow", text(job.workflow)), JobMember("step", text(job.step))]
  }

  private static func text(_ name: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.string(name)
    return writer.bytes
  }
}

/// Keeps the jobs of workflows from being changed one by one.
struct WorkflowOwner: JobOwner {
  func refusal(
    of change: JobChange, ofJob number: Int64, id: String, in reader: any StoreReader
  ) async throws(StorageError) -> Problem? {
    guard let job = try await reader.workflowJob(id), job.number == number else { return nil }
    let fix =
      switch change {
      case .retry: "resume that with POST /workflows/\(job.workflow)/resume"
      case .deletion: "delete that with DELETE /workflows/\(job.workflow), which takes its jobs along"
      }
    return Problem(.conflict, .conflict, "the job is the step `\(job.step)` of a workflow: \(fix)")
  }
}

/// The documents of workflows in callbacks.
struct AnnouncedWorkflows: AnnouncedDocuments {
  let runtime: WorkflowRuntime

  var prefix: String { "workflow." }

  func number(of subject: String, in views: JobViews) async throws(Problem) -> Int64? {
    let stored = try await views.read { (reader) throws(StorageError) in
      try await reader.storedWorkflow(subject)
    }
    return stored.map { Announcement.number(of: subject, madeAt: $0.run.createdAt) }
  }

  func document(of subject: String, in views: JobViews) async throws(Problem) -> [UInt8]? {
    do throws(Problem) {
      return try await WorkflowReads(views: views, runtime: runtime).document(subject)
    } catch {
      guard error.code == .workflowNotFound else { throw error }
      return nil
    }
  }
}
