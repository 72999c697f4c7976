package import StoreSeam
internal import Tables
package import WorkflowDefinitions
package import WorkflowRules

/// A workflow as it was read outside of commits.
package struct WorkflowRecord: Sendable {
  package let run: WorkflowRun
  package let definition: WorkflowDefinition

  package var openJobs: [WorkflowJobID] { run.openJobs(of: definition) }
}

extension StoreReader {
  /// The workflow with that id, its steps and its output.
  package func workflow(
    _ id: String, _ context: WorkflowContext
  ) async throws(StorageError) -> WorkflowRecord? {
    guard let stored = try await storedWorkflow(id) else { return nil }
    return try await workflow(stored, context, hasOutput: true)
  }

  /// A workflow of a list, without its output: there are many, and each may have megabytes.
  package func workflow(
    listed stored: StoredWorkflow, _ context: WorkflowContext
  ) async throws(StorageError) -> WorkflowRecord? {
    try await workflow(stored, context, hasOutput: false)
  }

  private func workflow(
    _ stored: StoredWorkflow, _ context: WorkflowContext, hasOutput: Bool
  ) async throws(StorageError) -> WorkflowRecord? {
    var stored = stored
    let id = stored.run.id
    // Ends, because a change between two reads is rare; the newest state is complete in the end.
    while true {
      var query = TableQuery(WorkflowStepTable.declaration, limit: WorkflowDefinition.maxSteps)
      query.prefix = [.text(id)]
      let steps = try await rows(query).compactMap { StepRun($0) }
      let output =
        hasOutput && stored.run.state == .succeeded
        ? try await row(of: WorkflowOutputTable.declaration, id)?.bytes("output") : nil
      let definition = try await definition(of: stored, context)
      // The reads are of different moments.
      guard let newest = try await storedWorkflow(id) else { return nil }
      guard newest.run.revision == stored.run.revision, newest.digest == stored.digest else {
        stored = newest
        continue
      }
      guard let definition, steps.count == stored.stepCount else {
        throw .corrupt("a workflow lacks a step or its definition")
      }
      return WorkflowRecord(run: stored.run(steps: steps, output: output), definition: definition)
    }
  }

  package func storedWorkflow(_ id: String) async throws(StorageError) -> StoredWorkflow? {
    try await row(of: WorkflowTable.declaration, id).flatMap { StoredWorkflow($0) }
  }

  /// The row of a job that a workflow has ordered. Nil for any other job.
  package func workflowJob(_ id: String) async throws(StorageError) -> WorkflowJob? {
    guard let key = WorkflowJob.key(id) else { return nil }
    var query = TableQuery(WorkflowJobTable.declaration, limit: 1)
    query.prefix = key
    return try await rows(query).first.flatMap { WorkflowJob($0) }
  }

  /// Jobs of a workflow, in no order.
  package func jobs(ofWorkflow id: String, limit: Int) async throws(StorageError) -> [String] {
    var query = TableQuery(WorkflowJobTable.declaration, limit: limit)
    query.prefix = [.text(id)]
    return try await rows(query).compactMap { $0.text("job") }
  }

  private func definition(
    of stored: StoredWorkflow, _ context: WorkflowContext
  ) async throws(StorageError) -> WorkflowDefinition? {
    let (id, cache) = (stored.run.id, context.definitions)
    if let known = cache.known(id, stored.digest) { return known }
    guard let text = try await row(of: WorkflowDefinitionTable.declaration, id)?.bytes("body") else {
      return nil
    }
    return try cache.parsed(text, of: id, digest: stored.digest)
  }

  private func row(of table: TableDeclaration, _ key: String) async throws(StorageError) -> TableRow? {
    var query = TableQuery(table, limit: 1)
    query.prefix = [.text(key)]
    return try await rows(query).first
  }
}
