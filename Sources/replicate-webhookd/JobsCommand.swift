import ArgumentParser
internal import Bytes
import Console
import HTTPWire
import Jobs

/// `jobs`: lists the newest jobs as a table or as JSON.
struct JobsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List the jobs of a running daemon, newest first.",
    discussion: """
        replicate-webhookd jobs --state failed
        replicate-webhookd jobs --metadata user=7 --metadata plan=free
        replicate-webhookd jobs --watch

      Exit status: 0, also after SIGINT; 1 if the daemon rejects the request, 69 if none answers.
      """)

  @Option(help: "Only jobs in this state: \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).")
  var state: String?

  @Option(help: "Only jobs of this model, owner/name.")
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Only jobs whose metadata has this member, a string, number or boolean; repeat it for more.",
      valueName: "key=value"))
  var metadata: [String] = []

  @Option(help: "Only jobs with these ids, their own or their predictions', separated by commas.")
  var ids: String?

  @Option(help: "What the JSON has of each job beside: input, output, metrics, separated by commas.")
  var include: String?

  @Option(help: "Maximum number of jobs, 1 to 500. (default: 50, with --watch 20)")
  var limit: Int?

  @Option(help: "Continue after the previous page: its `next`.")
  var after: String?

  @Flag(help: "Print the API's JSON, even on a terminal.")
  var json = false

  @Flag(
    help: "Refresh every second until SIGINT; off a terminal, print a line of JSON for each change.")
  var watch = false

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    guard metadata.allSatisfy({ $0.contains("=") }) else {
      throw ValidationError("--metadata takes KEY=VALUE, such as user=7")
    }
  }

  /// The filter's parameters of the API.
  private var filter: [(name: String, value: String?)] {
    let members = metadata.map { member in
      let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (
        name: "metadata." + PercentEncoding.encode(String(parts[0])), value: parts.last.map(String.init)
      )
    }
    return [("state", state), ("model", model)] + members + [("ids", ids), ("include", include)]
  }

  func run() throws {
    try reportingFailure {
      let limit = limit ?? (watch ? 20 : ids == nil ? 50 : 100)
      let path =
        "/jobs"
        + PercentEncoding.query(filter + [("after", after), ("limit", String(limit))])
      let isTable = !json && Terminal.isInteractive
      if watch {
        var watch = JobsWatch(path, of: try JobFollower.client(api), isTable: isTable)
        return try watch.run()
      }
      let answer = try api.client().get(path)
      guard isTable, let document = JSONDocument(answer) else {
        Terminal.print(json: answer)
        return
      }
      Terminal.print(JobTable.list(document))
    }
  }
}
