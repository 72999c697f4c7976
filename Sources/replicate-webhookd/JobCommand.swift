import ArgumentParser
internal import Bytes
import HTTPWire

/// `job ID`: one job, as the API shows it.
struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Show one job of a running daemon.",
    discussion: """
      With --follow it waits for the job's end, prints its output and ends as `run` does.

      Exit status: 0 where the job is known, 1 where it is not, 69 where no daemon answers.
      """)

  @Argument(help: "The job's id, or the prediction's.")
  var id: String

  @Flag(help: "Print the API's JSON, also on a terminal.")
  var json = false

  @Flag(help: "Show its deliveries instead.")
  var history = false

  @Flag(help: "Print all its logs instead.")
  var logs = false

  @Flag(help: "Follow it to its end, and print its output.")
  var follow = false

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    try JobID.validate(id)
    guard !follow || !history else { throw ValidationError("--follow and --history exclude each other") }
    guard !logs || !(follow || history || json) else {
      throw ValidationError("--logs goes with none of --follow, --history and --json")
    }
  }

  func run() throws {
    try reportingFailure {
      if follow {
        var follower = JobFollower(id, of: try JobFollower.client(api))
        return try JobResult(job: follower.follow()).report(asJSON: json)
      }
      let path = "/jobs/\(PercentEncoding.encode(id))" + (history ? "/history" : logs ? "/logs" : "")
      let answer = try api.client().get(path)
      guard !logs else { return printLogs(answer) }
      guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
        Terminal.print(json: answer)
        return
      }
      Terminal.print(history ? JobTable.history(document) : JobTable.details(document))
    }
  }

  /// As they are; on a terminal without what could control it, and with a line for each redrawn progress bar.
  private func printLogs(_ logs: [UInt8]) {
    guard Terminal.isInteractive else {
      Terminal.print(exact: logs)
      return
    }
    let lines = logs.map { $0 == UInt8(ascii: "\r") ? UInt8(ascii: "\n") : $0 }
    Terminal.print(String(decoding: lines, as: UTF8.self))
  }
}
