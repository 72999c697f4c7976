import ArgumentParser
import Console
internal import Bytes
import Console
import HTTPClient
import HTTPWire
import Jobs

/// `delete ID…`: deletes jobs by their ids, or all that match a filter.
struct DeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Delete jobs of a running daemon.",
    discussion: """
      Deletes jobs that have ended, with their histories, callbacks and kept files. Usage sums stay. With \
      --cancel, open jobs are canceled, and deleted once they have ended.

        replicate-webhookd delete ID ID
        replicate-webhookd delete --metadata user=7 --cancel --yes

      A filter deletes every job that matches, so that it needs --yes.

      Exit status: 0 if all are deleted or being canceled; 1 if a job is unknown or open, or the daemon \
      rejects the request; 64 for a usage error, 69 if no daemon answers.
      """)

  @Argument(help: ArgumentHelp("Ids of jobs, or of their predictions.", valueName: "id"))
  var ids: [String] = []

  @Option(help: ArgumentHelp("Jobs whose metadata has this member; may be repeated.", valueName: "key=value"))
  var metadata: [String] = []

  @Option(help: "Jobs in this state: \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).")
  var state: String?

  @Option(help: "Jobs of this model, owner/name.")
  var model: String?

  @Flag(help: "Cancel open jobs, and delete them once they have ended.")
  var cancel = false

  @Flag(help: "Delete all jobs that match the filter.")
  var yes = false

  @OptionGroup var api: JobsAPIOptions

  private var hasFilter: Bool { !metadata.isEmpty || state != nil || model != nil }

  func validate() throws {
    for id in ids { try JobID.validate(id) }
    guard ids.isEmpty == hasFilter else {
      throw ValidationError("give ids of jobs, or a filter: --metadata, --state, --model")
    }
    guard metadata.allSatisfy({ $0.contains("=") && !$0.hasPrefix("=") }) else {
      throw ValidationError("--metadata: write key=value")
    }
    guard !hasFilter || yes else {
      throw ValidationError("this deletes every job that matches: list them with `jobs`, then add --yes")
    }
  }

  func run() throws {
    try reportingFailure {
      let client = try api.client()
      if hasFilter { try deleteMatching(client) } else { try deleteEach(client) }
    }
  }

  private func deleteEach(_ client: JobsAPIClient) throws {
    var hasFailed = false
    for id in ids {
      let path = "/jobs/\(PercentEncoding.encode(id))" + (cancel ? "?cancel=true" : "")
      let answer = try client.send(.delete, path)
      switch answer.status {
      case 204: Terminal.print("\(Terminal.visible(id)) is deleted")
      case 202: Terminal.print("\(Terminal.visible(id)) is being canceled, and deleted at its end")
      case 404, 409:
        Terminal.error(client.failure(of: answer).description)
        hasFailed = true
      default: throw client.failure(of: answer)
      }
    }
    if hasFailed { throw ExitCode(ExitStatus.failure.rawValue) }
  }

  private func deleteMatching(_ client: JobsAPIClient) throws {
    var query: [(String, String?)] = metadata.map { member in
      let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return ("metadata.\(parts[0])", String(parts[1]))
    }
    query += [("state", state), ("model", model), ("cancel", cancel ? "true" : nil)]
    var (deleted, canceling, open) = (0, 0, 0)
    var isComplete = false
    // Each request deletes for some seconds, and what is canceled stays open for a while.
    while !isComplete {
      let answer = try client.send(.delete, "/jobs" + PercentEncoding.query(query))
      guard [200, 202].contains(answer.status), let counts = JSONDocument(answer.body) else {
        throw client.failure(of: answer)
      }
      let count = { (name: String) in counts.text(name).flatMap { Int($0) } ?? 0 }
      deleted += count("deleted")
      (canceling, open) = (max(canceling, count("canceling")), max(open, count("open")))
      isComplete = counts.text("complete") == "true" || count("deleted") == 0
    }
    Terminal.print("\(deleted) deleted, \(canceling) being canceled, \(open) still open")
    guard open == 0 else {
      Terminal.error("open jobs are not deleted: let them end, or add --cancel")
      throw ExitCode(ExitStatus.failure.rawValue)
    }
  }
}
