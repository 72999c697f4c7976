package import JobRequests
internal import JSONText
package import Ledger
internal import StoreSeam
internal import Tables
internal import Time
internal import WorkflowDefinitions
internal import WorkflowRules

/// What the decisions about workflows depend on beside their rows.
package struct WorkflowContext: Sendable {
  /// Where the files of outputs are kept.
  package let copies: [any KeptCopies]
  /// The origin of a stand-in for the provider, whose files expire too.
  package let localOrigin: LocalOrigin?
  package let definitions = DefinitionCache()

  package init(copies: [any KeptCopies] = [], localOrigin: LocalOrigin? = nil) {
    (self.copies, self.localOrigin) = (copies, localOrigin)
  }
}

/// What a decision reads of jobs inside a transaction.
struct TransactionSources: WorkflowSources {
  let transaction: LedgerTransaction
  let context: WorkflowContext
  let now: Timestamp

  func output(of job: WorkflowJobID) throws(StorageError) -> [UInt8]? {
    guard let number = try number(of: job) else { return nil }
    return JobOutput.text(in: try transaction.body(ofJob: number))
  }

  func location(of url: String, in job: WorkflowJobID) throws(StorageError) -> FileLocation {
    guard FileExpiry.concerns(url, localOrigin: context.localOrigin) else { return .unchanged }
    guard let number = try number(of: job) else { return .gone }
    for copies in context.copies {
      if let link = try copies.link(to: url, ofJob: number, at: now, in: transaction) {
        return .moved(to: link)
      }
    }
    return .gone
  }

  private func number(of job: WorkflowJobID) throws(StorageError) -> Int64? {
    try transaction.workflowJob(job.text)?.number
  }
}

/// The output in a stored prediction.
package enum JobOutput {
  /// Its JSON text. Nil where there is none.
  package static func text(in body: [UInt8]) -> [UInt8]? {
    let span = body.span
    guard let object = try? JSONScanner.object(span), let output = object.value(named: "output", in: span)
    else { return nil }
    return Array(body[output.range])
  }
}
