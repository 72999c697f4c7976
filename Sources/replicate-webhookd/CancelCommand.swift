import ArgumentParser
internal import Bytes
import HTTPClient
import HTTPWire

/// `cancel ID`: asks for the end of a job.
struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel a job of a running daemon.",
    discussion: """
      The daemon keeps the wish and passes it on; the job is canceled when Replicate says so, which \
      `replicate-webhookd job ID --follow` shows. A job that has ended stays as it is.

      Exit status: 0 where the wish is kept or the job has ended, 1 where the job is not known, 69 where no daemon answers.
      """)

  @Argument(help: "The job's id, or the prediction's.")
  var id: String

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    try JobID.validate(id)
  }

  func run() throws {
    try reportingFailure {
      let client = try api.client()
      let answer = try client.send(
        .post, "/jobs/\(PercentEncoding.encode(id))/cancel", body: Array("{}".utf8))
      switch answer.status {
      case 202: Terminal.print("\(Terminal.visible(id)) is being canceled")
      case 200:
        let state = JSONDocument(answer.body)?.text("state").map { ": \($0)" } ?? ""
        Terminal.print(Terminal.visible("\(id) has ended\(state)"))
      default: throw client.failure(of: answer)
      }
    }
  }
}
