import ArgumentParser
internal import Bytes
import Console
import HTTPClient
import HTTPWire
internal import JSONText

/// `token ID`: makes a token that reads one job.
struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make a token that reads one job of a running daemon.",
    discussion: """
      Prints the token, and a URL that shows the job with it. The token reads this job and its events, and \
      nothing else, until it expires. It cannot be revoked: keep --ttl short.

      The URL is the public one where BROWSER_ORIGINS and PUBLIC_URL are set, else that of the jobs API.

      Exit status: 0, 1 if the job is unknown, 69 if no daemon answers.
      """)

  @Argument(help: "The job's id, or the prediction's.")
  var id: String

  @Option(help: "How long the token is valid: 10s to 7d. (default: 1h)")
  var ttl: String?

  @Flag(help: "Print the API's JSON, even on a terminal.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    try JobID.validate(id)
  }

  func run() throws {
    try reportingFailure {
      let client = try api.client()
      var writer = JSONWriter()
      writer.object { object in object.member("ttl", string: ttl) }
      let answer = try client.send(.post, "/jobs/\(PercentEncoding.encode(id))/tokens", body: writer.bytes)
      guard answer.status == 200 else { throw client.failure(of: answer) }
      guard !json, let document = JSONDocument(answer.body), let token = document.text("token") else {
        Terminal.print(json: answer.body)
        return
      }
      let id = PercentEncoding.encode(document.text("id") ?? id)
      let url = document.text("url") ?? client.url(of: "/jobs/\(id)")
      Terminal.print(Terminal.visible(token))
      Terminal.print(Terminal.visible("\(url)?token=\(token)"))
    }
  }
}
