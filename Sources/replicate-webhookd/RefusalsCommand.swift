import ArgumentParser
internal import Bytes
import Console

/// `refusals`: shows why deliveries were refused.
struct RefusalsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refusals", abstract: "Show the last refused deliveries of a running daemon, newest first.",
    discussion: """
      The daemon keeps the last 1,000 in memory, and none over a restart. Replicate repeats a refused \
      delivery for about a minute, so correct the cause soon; jobs are polled meanwhile.

        replicate-webhookd refusals --code signature_mismatch
        replicate-webhookd refusals --follow

      Exit status: 0, also after SIGINT; 1 if the daemon rejects the request, 69 if none answers.
      """)

  @Option(help: "Only those with this code, such as signature_mismatch.")
  var code: String?

  @Option(help: "Maximum number of refusals, 1 to 1000.")
  var limit = 50

  @Flag(help: "Print all, the oldest first, then each new one until SIGINT. --limit does not apply.")
  var follow = false

  @Flag(help: "Print the API's JSON, even on a terminal; with --follow, a line for each.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      let isTable = !json && Terminal.isInteractive
      if follow {
        var follower = RefusalFollower(of: try api.interruptibleClient(), code: code, isTable: isTable)
        return try follower.run()
      }
      let query = [("code", code), ("limit", String(limit))]
      let answer = try api.client().get("/refusals" + PercentEncoding.query(query))
      guard isTable, let document = JSONDocument(answer) else { return _ = Terminal.print(json: answer) }
      Terminal.print(JobTable.refusals(document))
    }
  }
}
