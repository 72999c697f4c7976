import ArgumentParser
internal import Bytes
import Console
import HTTPWire

/// `usage`: counts ended jobs by day and model.
struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Show the ended jobs of a running daemon, by day and model.",
    discussion: """
      Days are in UTC. PREDICT S is Replicate's predict_time. LOST WEBHOOKS counts ends that arrived by no \
      delivery and that the daemon found by polling.

      With --group-by, the stored jobs that ended in these days are summed by the values of a member of \
      their metadata, and deleted jobs are not counted.

        replicate-webhookd usage --group-by metadata.user

      Exit status: 0, 1 if the daemon rejects the request, 69 if none answers.
      """)

  @Option(help: ArgumentHelp("The first day, such as 2026-11-01.", valueName: "day"))
  var from: String?

  @Option(help: ArgumentHelp("The last day.", valueName: "day"))
  var to: String?

  @Option(
    help: ArgumentHelp("Sum by the values of this member of the metadata.", valueName: "metadata.key"))
  var groupBy: String?

  @Option(help: "With --group-by: continue after the previous page: its `next`.")
  var after: String?

  @Option(help: "With --group-by: maximum number of values, 1 to 1000. (default: 100)")
  var limit: Int?

  @Flag(help: "Print the API's JSON, even on a terminal.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      let answer = try api.client().get(
        "/usage"
          + PercentEncoding.query([
            ("from", from), ("to", to), ("group_by", groupBy), ("after", after),
            ("limit", limit.map(String.init)),
          ]))
      guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
        Terminal.print(json: answer)
        return
      }
      Terminal.print(groupBy == nil ? JobTable.usage(document) : JobTable.usageGroups(document))
    }
  }
}
