import ArgumentParser
internal import Bytes
import Console
import HTTPClient
import HTTPWire

/// `callbacks`: shows what was sent to the app, retries it, and shows the secret that signs it.
struct CallbacksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "callbacks", abstract: "Show and retry what a running daemon sends to your app.",
    discussion: """
        replicate-webhookd callbacks --state failed
        replicate-webhookd callbacks retry --failed --host app.example.com
        replicate-webhookd callbacks secret

      Exit status: 0, 1 if the daemon rejects the request, 69 if none answers.
      """,
    subcommands: [List.self, Retry.self, ShowSecret.self], defaultSubcommand: List.self)
}

extension CallbacksCommand {
  /// `callbacks list`: lists callbacks as a table or as JSON.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List callbacks, newest first.",
      discussion: """
        Delivered callbacks are kept for 24 hours, failed ones as long as their jobs and workflows.

        Exit status: 0, 1 if the daemon rejects the request, 69 if none answers.
        """)

    @Option(help: "Only callbacks in this state: pending, failed, delivered.")
    var state: String?

    @Option(help: "Only those of this job.")
    var job: String?

    @Option(help: "Only those of this workflow's own end.")
    var workflow: String?

    @Option(help: "Maximum number of callbacks, 1 to 500.")
    var limit = 50

    @Option(help: "Continue after the previous page: its `next`.")
    var after: String?

    @Flag(help: "Print the API's JSON, even on a terminal.")
    var json = false

    @OptionGroup var api: JobsAPIOptions

    func run() throws {
      try reportingFailure {
        let query = [
          ("state", state), ("job", job), ("workflow", workflow), ("after", after), ("limit", String(limit)),
        ]
        let answer = try api.client().get("/callbacks" + PercentEncoding.query(query))
        guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
          Terminal.print(json: answer)
          return
        }
        Terminal.print(JobTable.callbacks(document))
      }
    }
  }

  /// `callbacks retry`: makes one callback, or all that have failed, due now.
  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Retry one callback, or those that have failed, now.",
      discussion: """
        A retried callback keeps its webhook-id, and is tried for three days again.

        Exit status: 0, 1 if the callback is unknown or was delivered, 69 if no daemon answers.
        """)

    @Argument(help: "The callback's id, msg_….")
    var id: String?

    @Flag(help: "Retry all that have failed.")
    var failed = false

    @Option(help: ArgumentHelp("Only those that failed since then.", valueName: "time"))
    var since: String?

    @Option(help: "Only those whose last try went to this host, with or without its port.")
    var host: String?

    @OptionGroup var api: JobsAPIOptions

    func validate() throws {
      guard (id == nil) == failed else { throw ValidationError("name a callback, or give --failed") }
      guard failed || (since == nil && host == nil) else {
        throw ValidationError("--since and --host go with --failed")
      }
    }

    func run() throws {
      try reportingFailure {
        let client = try api.client()
        let path =
          id.map { "/callbacks/\(PercentEncoding.encode($0))/retry" }
          ?? "/callbacks/retry" + PercentEncoding.query([("since", since), ("host", host)])
        let answer = try client.send(.post, path)
        guard [200, 202].contains(answer.status) else { throw client.failure(of: answer) }
        let count = JSONDocument(answer.body)?.text("retried") ?? "1"
        Terminal.print("\(Terminal.visible(count)) callback(s) are due now")
      }
    }
  }

  /// `callbacks secret`: prints the secrets with which an app verifies callbacks.
  struct ShowSecret: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "secret", abstract: "Print the secret with which your app verifies callbacks.",
      discussion: """
        It is CALLBACK_SECRET; where that is not set, one that the daemon has made and stored. While two are \
        set, both sign, and each is printed on a line.

        Exit status: 0, 1 if the daemon rejects the request, 69 if none answers.
        """)

    @OptionGroup var api: JobsAPIOptions

    func run() throws {
      try reportingFailure {
        let answer = try api.client().get("/callbacks/secret")
        guard let document = JSONDocument(answer), let secrets = document.value("secrets") else {
          throw CommandFailure("the daemon's answer has no secrets", code: .failure)
        }
        for secret in document.elements(secrets) { Terminal.print(document.text(secret)) }
      }
    }
  }
}
