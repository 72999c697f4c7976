import ArgumentParser
internal import Bytes
import Console
import HTTPWire

/// `job ID`: shows one job.
struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Show one job of a running daemon.",
    discussion: """
      With --follow the command waits for the job's end, prints its output and exits as `run` does.

      Exit status: 0 if the job is known, 1 if it is not, 69 if no daemon answers.
      """)

  @Argument(help: "The job's id, or the prediction's.")
  var id: String

  @Flag(help: "Print the API's JSON, even on a terminal.")
  var json = false

  @Flag(help: "Show the job's deliveries instead.")
  var history = false

  @Flag(help: "Print all of the job's logs instead.")
  var logs = false

  @Flag(help: "Follow the job to its end, and print its output.")
  var follow = false

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    try JobID.validate(id)
    guard !follow || !history else { throw ValidationError("--follow and --history exclude each other") }
    guard !logs || !(follow || history || json) else {
      throw ValidationError("--logs excludes --follow, --history and --json")
    }
  }

  func run() throws {
    try reportingFailure {
      if follow {
        var follower = JobFollower(id, of: try api.interruptibleClient())
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

  /// Prints the logs unchanged, or made safe for a terminal.
  ///
  /// On a terminal each redrawn progress bar gets its own line.
  private func printLogs(_ logs: [UInt8]) {
    guard Terminal.isInteractive else {
      Terminal.print(exact: logs)
      return
    }
    let lines = logs.map { $0 == UInt8(ascii: "\r") ? UInt8(ascii: "\n") : $0 }
    Terminal.print(String(decoding: lines, as: UTF8.self))
  }
}
