import ArgumentParser
internal import Bytes
import Console
import HTTPClient
import HTTPWire

/// `cancel ID`: requests the cancellation of a job.
struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel a job of a running daemon.",
    discussion: """
      The daemon persists the request and forwards it to Replicate. The job is canceled once Replicate \
      reports it; `replicate-webhookd job ID --follow` shows that. An ended job keeps its state.

      Exit status: 0 if the request is persisted or the job has ended, 1 if the job is unknown, 69 if no \
      daemon answers.
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
