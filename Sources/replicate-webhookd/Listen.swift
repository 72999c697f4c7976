import ArgumentParser
internal import BuildInfo
internal import Bytes
import Console
import HTTPClient
import OutgoingDeliveries
import StandardWebhooks
internal import System

/// `listen`: posts callbacks of a daemon elsewhere to an app on this machine.
struct Listen: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Post signed callbacks of a running daemon to your app in development.",
    discussion: """
        replicate-webhookd listen --forward-to http://localhost:3000/hook
        replicate-webhookd listen --forward-to http://localhost:3000/hook --filter metadata.dev=me

      Follows the jobs of the daemon at --api, and posts each end to your app as a callback: the same body, \
      signed with the secret on the first line. So your laptop needs no public address, and CALLBACK_URL of \
      the daemon stays as it is. Each event is posted once; its answer is printed, and no failure is retried.

      The secret stays the same: it is kept in $XDG_STATE_HOME/replicate-webhookd/listen-secret, or in \
      ~/.local/state. With --secret you give your own.

      Exit status: 0 after SIGINT; 1 if this is no jobs API, 65 if the daemon rejects the request or the \
      cursor, 69 if no daemon answers the first request, 78 if the secret cannot be read or kept.
      """)

  @Option(help: ArgumentHelp("The URL of your app to post to.", valueName: "url"))
  var forwardTo: String

  @Option(
    help: ArgumentHelp(
      "Only jobs with this state, model or member of metadata, such as metadata.dev=me; may be repeated.",
      valueName: "name=value"))
  var filter: [String] = []

  @Option(help: "Also post this event; may be repeated.")
  fileprivate var event: [OptionalEvent] = []

  @Option(help: ArgumentHelp("Post what has happened after this cursor.", valueName: "cursor"))
  var after = "now"

  @Option(
    help: ArgumentHelp("File that holds the secret; - for standard input.", valueName: "file"),
    completion: .file())
  var secret: String?

  @OptionGroup var api: JobsAPIOptions

  /// As of a callback.
  private static let timeout = Duration.seconds(15)
  private static let retryInterval = Duration.seconds(1)

  func validate() throws {
    do throws(HTTPURL.ParseError) { _ = try HTTPURL(forwardTo) } catch {
      throw ValidationError("--forward-to: \(error)")
    }
    for text in filter {
      let name = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard name.count == 2, ["state", "model"].contains(name[0]) || name[0].hasPrefix("metadata.") else {
        throw ValidationError("--filter: write state=…, model=… or metadata.KEY=…")
      }
    }
  }

  func run() throws {
    try reportingFailure {
      let secret = try signingSecret()
      let client = try api.interruptibleClient()
      let sender: DeliverySender
      do throws(HTTPClientError) {
        sender = try DeliverySender(
          url: forwardTo, secret: secret, userAgent: BuildInfo.userAgent, timeout: Self.timeout,
          isCanceled: { Signals.arePending([.interrupt]) })
      } catch {
        throw CommandFailure("\(error)", code: .failure)
      }
      Terminal.print("secret  \(secret.revealed)")
      // Of another store, the jobs that ended before are not posted again.
      var follower = EventFollower(
        of: client, after: after, parameters: parameters, waits: true, restart: "now")
      var events = JobEventFilter(sending: Set(event.map(\.kind)))
      // Until SIGINT.
      while case .events(let page) = try follower.next() {
        for change in page {
          guard try forward(change, of: client, through: sender, &events) else { return }
        }
      }
    }
  }

  private var parameters: [(name: String, value: String?)] {
    filter.map { text in
      let name = text.prefix { $0 != "=" }
      return (String(name), String(text.dropFirst(name.count + 1)))
    }
  }

  private func signingSecret() throws(CommandFailure) -> Secret {
    if let secret { return try SecretArgument.secret(inFile: secret) }
    guard let file = SecretFile(named: "listen-secret", in: Environment.variables) else {
      throw CommandFailure("HOME is not set: name a file that holds a secret with --secret", code: .config)
    }
    do throws(SecretFile.Failure) {
      return try file.readOrMake()
    } catch {
      throw CommandFailure("\(error)", code: .config)
    }
  }

  /// Posts the event that a change is, if any, and prints the answer; false if the output's reader is gone.
  private func forward(
    _ change: JSONDocument, of client: JobsAPIClient, through sender: DeliverySender,
    _ events: inout JobEventFilter
  ) throws -> Bool {
    guard change.text("event") == "job", let row = change.object("data"), let id = row.text("id"),
      let event = events.event(of: id, state: row.text("state") ?? "", revision: row.text("revision") ?? ""),
      let job = try document(of: id, from: client)
    else { return true }
    let delivery = OutgoingDelivery(
      label: event.kind.rawValue, webhookID: event.webhookID,
      body: event.body(time: job.text("updated_at") ?? "", document: job.bytes))
    let answer: String
    do throws(HTTPClientError) {
      let response = try sender.send(delivery)
      let text = String(decoding: response.body.prefix(200), as: UTF8.self)
      answer = "\(response.status)" + (200..<300 ~= response.status ? "" : "  \(Terminal.visible(text))")
    } catch {
      try endIfInterrupted()
      answer = "-  \(error)"
    }
    return Terminal.print("\(event.kind.rawValue)  \(Terminal.visible(id))  \(answer)")
  }

  /// The job as it now is; nil if it has been deleted.
  ///
  /// It waits for a daemon that restarts.
  private func document(of id: String, from client: JobsAPIClient) throws -> JSONDocument? {
    // Ends with an answer, a failure or SIGINT.
    while true {
      do throws(CommandFailure) {
        let answer = try client.send(.get, "/jobs/\(PercentEncoding.encode(id))")
        if answer.status == 404 { return nil }
        if answer.status == 200, let document = JSONDocument(answer.body) { return document }
        throw client.failure(of: answer, code: .rejected)
      } catch {
        guard error.code == .unavailable else { throw error }
      }
      try endIfInterrupted(within: Self.retryInterval)
    }
  }

  private func endIfInterrupted(within timeout: Duration = .zero) throws {
    guard Signals.next(of: [.interrupt], within: timeout) == nil else { throw ExitCode.success }
  }
}

/// The events that are only posted on request, as in a job's `callback`.
private enum OptionalEvent: String, CaseIterable, ExpressibleByArgument {
  case running
  case progress

  var kind: JobEvent.Kind {
    switch self {
    case .running: .running
    case .progress: .progress
    }
  }
}
