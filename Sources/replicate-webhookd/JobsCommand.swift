import ArgumentParser
internal import Bytes
import Console
import HTTPWire

/// `jobs`: lists the newest jobs as a table or as JSON.
struct JobsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List the jobs of a running daemon, newest first.",
    discussion: """
        replicate-webhookd jobs --state failed
        replicate-webhookd jobs --metadata user=7 --metadata plan=free
        replicate-webhookd jobs --since 1h
        replicate-webhookd jobs --lost --since 1d
        replicate-webhookd jobs --watch

      Exit status: 0, also after SIGINT; 1 if the daemon rejects the request, 69 if none answers.
      """)

  @OptionGroup var filter: JobFilterOptions

  @Option(help: "Only jobs recorded from then on: 2026-11-26T10:00:00Z, 2026-11-26, or 30m or 7d ago.")
  var since: String?

  @Option(help: "Only jobs recorded before then, written in the same way.")
  var until: String?

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

  func run() throws {
    try reportingFailure {
      let limit = limit ?? (watch ? 20 : filter.ids == nil ? 50 : 100)
      let path =
        "/jobs"
        + PercentEncoding.query(
          filter.parameters + [
            ("since", since), ("until", until), ("after", after), ("limit", String(limit)),
          ])
      let isTable = !json && Terminal.isInteractive
      if watch {
        var watch = JobsWatch(path, of: try api.interruptibleClient(), isTable: isTable)
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
