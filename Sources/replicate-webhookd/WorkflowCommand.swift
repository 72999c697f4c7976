import ArgumentParser
internal import Bytes
import Console
internal import EventLoop
import HTTPClient
import HTTPWire
internal import System

/// `workflow`: runs workflows and shows them.
struct WorkflowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workflow", abstract: "Run jobs that follow from each other, and show them.",
    discussion: "A workflow is a JSON document: deploy/docs/workflows.md has the form.",
    subcommands: [Run.self, Show.self, List.self, Cancel.self, Resume.self])

  /// `workflow run`: creates a workflow and follows it to its end.
  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run a workflow through a running daemon, and print its output.",
      discussion: """
        Shows the steps on standard error, and prints the output on standard output as `run` does.

          replicate-webhookd workflow run poster.json -i prompt='two herons'
          generate | replicate-webhookd workflow run - --id poster-7 --detach

        An input is a member of the workflow's `input`, written as for `run`: name=text, name:=json or \
        name=@file. It replaces the definition's own. SIGINT ends the command but not the workflow.

        Exit status: 0 if the workflow succeeded, 1 if it failed, 2 if it was canceled, 64 for a usage \
        error, 65 if the daemon rejects the workflow, 66 for a file that cannot be read, 69 if no daemon \
        answers, 130 after SIGINT.
        """)

    @Argument(help: ArgumentHelp("The definition; - reads standard input.", valueName: "file.json"))
    var file: String

    @Option(name: [.short, .long], help: "One member of the workflow's input; may be repeated.")
    var input: [String] = []

    @Option(help: "The workflow's id, if you choose it: 1 to 24 letters, digits, hyphens and underscores.")
    var id: String?

    @Option(help: "With the same key, a repeated command finds the same workflow.")
    var idempotencyKey: String?

    @Option(help: "Fail the workflow after this time, for example 30m, instead of its own `deadline`.")
    var deadline: String?

    @Flag(help: "Print the workflow's id, and return at once.")
    var detach = false

    @Flag(help: "Print the API's JSON of the workflow instead of its output.")
    var json = false

    @OptionGroup var api: JobsAPIOptions

    func validate() throws {
      if let id { try JobID.validateWorkflow(id) }
      do throws(InputError) { _ = try InputArguments(input) } catch { throw ValidationError("\(error)") }
      guard idempotencyKey?.utf8.allSatisfy(\.isVisible) ?? true else {
        throw ValidationError("--idempotency-key: give visible ASCII characters, without spaces")
      }
    }

    func run() throws {
      try reportingFailure {
        let body = try definition()
        let client = try api.interruptibleClient()
        let (id, workflow) = try create(body, at: client)
        guard !detach else {
          if json { Terminal.print(json: workflow.bytes) } else { Terminal.print(id) }
          return
        }
        var follower = WorkflowFollower(id, of: client)
        try WorkflowResult(follower.follow(from: workflow)).report(asJSON: json)
      }
    }

    /// The new workflow, or the one with this id or key.
    private func create(
      _ body: [UInt8], at client: JobsAPIClient
    ) throws -> (id: String, workflow: JSONDocument) {
      do throws(CommandFailure) {
        let key = idempotencyKey.map { ["Idempotency-Key: \($0)"] } ?? []
        let answer = try client.send(.post, "/workflows", fields: key, body: body)
        guard [200, 202].contains(answer.status), let workflow = JSONDocument(answer.body),
          let id = workflow.text("id")
        else { throw client.failure(of: answer, code: .rejected) }
        return (id, workflow)
      } catch {
        guard let signal = Signals.next(of: [.interrupt], within: .zero) else { throw error }
        Terminal.error(
          "ended before the daemon answered: `replicate-webhookd workflow list` shows whether the workflow "
            + "exists")
        throw ExitCode(128 + signal.rawValue)
      }
    }

    private func definition() throws -> [UInt8] {
      let fields: [UInt8]
      do throws(InputError) {
        fields = try InputArguments(input).json()
      } catch {
        throw CommandFailure("\(error)", code: .noInput)
      }
      let text: [UInt8]
      switch Files.contents(of: file, maxBytes: WorkflowFile.maxBytes) {
      case .bytes(let bytes): text = bytes
      case .tooLarge:
        throw CommandFailure("\(file) is larger than 256 KiB: give files as URLs", code: .noInput)
      case .unreadable:
        throw CommandFailure("\(file) cannot be read: check the path and its permissions", code: .noInput)
      }
      let replaced: KeyValuePairs = ["id": id, "deadline": deadline]
      guard let definition = WorkflowFile.definition(text, input: fields, replacing: replaced) else {
        throw CommandFailure(
          "\(file) is no JSON object, or its `input` is none: deploy/docs/workflows.md has the form",
          code: .rejected)
      }
      return definition
    }
  }

  /// `workflow show`: shows one workflow.
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the steps of one workflow.",
      discussion: """
        With --follow the command waits for the end, prints the output and exits as `workflow run` does.

        Exit status: 0 if the workflow is known, 1 if it is not, 69 if no daemon answers.
        """)

    @Argument(help: "The workflow's id.") var id: String
    @Flag(help: "Print the API's JSON, even on a terminal.") var json = false
    @Flag(help: "Follow the workflow to its end, and print its output.") var follow = false
    @OptionGroup var api: JobsAPIOptions

    func validate() throws { try JobID.validateWorkflow(id) }

    func run() throws {
      try reportingFailure {
        guard !follow else {
          var follower = WorkflowFollower(id, of: try api.interruptibleClient())
          return try WorkflowResult(follower.follow()).report(asJSON: json)
        }
        let answer = try api.client().get("/workflows/\(PercentEncoding.encode(id))")
        guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
          Terminal.print(json: answer)
          return
        }
        Terminal.print(WorkflowTree(of: document).lines.joined(separator: "\n"))
      }
    }
  }

  /// `workflow list`: lists the newest workflows.
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the workflows of a running daemon, newest first.",
      discussion: "Exit status: 0; 1 if the daemon rejects the request, 69 if none answers.")

    @Option(help: "Only workflows in this state: pending, running, succeeded, failed or canceled.")
    var state: String?
    @Option(help: "Maximum number of workflows, 1 to 500.") var limit = 50
    @Option(help: "Continue after the previous page: its `next`.") var after: String?
    @Flag(help: "Print the API's JSON, even on a terminal.") var json = false
    @OptionGroup var api: JobsAPIOptions

    func run() throws {
      try reportingFailure {
        let answer = try api.client().get(
          "/workflows"
            + PercentEncoding.query([("state", state), ("after", after), ("limit", String(limit))]))
        guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
          Terminal.print(json: answer)
          return
        }
        Terminal.print(WorkflowTree.list(document))
      }
    }
  }

  /// `workflow cancel`: requests the cancellation of a workflow.
  struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cancel a workflow of a running daemon.",
      discussion: """
        No further job starts, and those that run are canceled. What has succeeded stays succeeded.

        Exit status: 0 if the request is persisted or the workflow has ended, 1 if it is unknown, 69 if no \
        daemon answers.
        """)

    @Argument(help: "The workflow's id.") var id: String
    @OptionGroup var api: JobsAPIOptions

    func validate() throws { try JobID.validateWorkflow(id) }

    func run() throws { try reportingFailure { try change(id, "cancel", "is being canceled", on: api) } }
  }

  /// `workflow resume`: runs what has not succeeded again.
  struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run what has not succeeded of an ended workflow again.",
      discussion: """
        Steps that have succeeded are kept, and not paid again, unless their files are gone at the provider.

        Exit status: 0 if the workflow goes on or has succeeded, 1 if it cannot be resumed, 69 if no daemon \
        answers; with --follow as `workflow run`.
        """)

    @Argument(help: "The workflow's id.") var id: String
    @Flag(help: "Refuse where a kept step's files are gone, instead of running it again.") var strict = false
    @Flag(help: "Follow the workflow to its end, and print its output.") var follow = false
    @Flag(help: "With --follow: print the API's JSON of the workflow instead of its output.") var json = false
    @OptionGroup var api: JobsAPIOptions

    func validate() throws {
      try JobID.validateWorkflow(id)
      guard follow || !json else { throw ValidationError("--json needs --follow") }
    }

    func run() throws {
      try reportingFailure {
        let body = strict ? #"{"reuse":"strict"}"# : "{}"
        guard follow else { return try change(id, "resume", "goes on", body, on: api) }
        let client = try api.interruptibleClient()
        let answer = try client.send(.post, path(id, "resume"), body: Array(body.utf8))
        guard [200, 202].contains(answer.status) else { throw client.failure(of: answer) }
        var follower = WorkflowFollower(id, of: client)
        try WorkflowResult(follower.follow()).report(asJSON: json)
      }
    }
  }
}

private func path(_ id: String, _ change: String) -> String {
  "/workflows/\(PercentEncoding.encode(id))/\(change)"
}

/// Posts a change, and prints what has become of the workflow.
private func change(
  _ id: String, _ change: String, _ result: String, _ body: String = "{}", on api: JobsAPIOptions
) throws {
  let client = try api.client()
  let answer = try client.send(.post, path(id, change), body: Array(body.utf8))
  switch answer.status {
  case 202: Terminal.print("\(Terminal.visible(id)) \(result)")
  case 200:
    let state = JSONDocument(answer.body)?.text("state").map { ": \($0)" } ?? ""
    Terminal.print(Terminal.visible("\(id) has ended\(state)"))
  default: throw client.failure(of: answer)
  }
}
