import ArgumentParser
internal import Bytes
import Console
import EventLoop
import HTTPClient
import JSONText
internal import System

/// `run`: creates a job and follows it to its end.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a model through a running daemon, and print its output.",
    discussion: """
      Creates a job and follows it to its end: progress on standard error, the output on standard output. \
      Text is printed as it is, URLs one per line, pieces of text joined, any other value as JSON. The \
      daemon needs REPLICATE_API_TOKEN.

        replicate-webhookd run black-forest-labs/flux-schnell -i prompt='a lamp'
        replicate-webhookd run owner/upscaler -i image=@lamp.png -i scale:=4 > url
        id=$(replicate-webhookd run owner/model -i prompt=hello --detach)

      Write an input as name=text, name:=json, or name=@file. A file of at most 256 KiB is sent as a data \
      URI; give the URL of a larger one. Write text that begins with @ as JSON: name:='"@…"'.

      SIGINT ends the command but not the job, and prints how to follow or cancel it. If the daemon \
      restarts, the command retries for up to a minute.

      Exit status: 0 if the job succeeded, 1 if it failed, 2 if it was canceled, 64 for a usage error, 65 if \
      the daemon rejects the job, 66 for a file that cannot be sent, 69 if no daemon answers, 130 after \
      SIGINT.
      """)

  @Argument(help: ArgumentHelp("What to run.", valueName: "owner/name[:version]"))
  var model: String?

  @Option(name: [.short, .long], help: "One field of the input; may be repeated.")
  var input: [String] = []

  @Option(help: "The model's version; alone, or beside the model's name.")
  var version: String?

  @Option(help: ArgumentHelp("Run this deployment instead of a model.", valueName: "owner/name"))
  var deployment: String?

  @Option(help: "The job's id, if you choose it: letters, digits, hyphens and underscores.")
  var id: String?

  @Option(help: "With the same key, a repeated command finds the same job.")
  var idempotencyKey: String?

  @Option(
    help: ArgumentHelp(
      "Time without updates after which the job is stale, such as 15m.", valueName: "duration"))
  var timeout: String?

  @Option(
    help: ArgumentHelp(
      "Time after which Replicate cancels the prediction, such as 5m.", valueName: "duration"))
  var cancelAfter: String?

  @Option(help: "Retries of a prediction that failed on Replicate's platform, 0 to 5.")
  var retries: Int?

  @Option(help: ArgumentHelp("The rules that the output must meet for success.", valueName: "json"))
  var expect: String?

  @Option(help: ArgumentHelp("An object of your own, stored with the job.", valueName: "json"))
  var metadata: String?

  @Flag(help: "Print the job's id, and return at once.")
  var detach = false

  @Flag(help: "Print the API's JSON of the job instead of its output.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    if let id { try JobID.validate(id) }
    do throws(InputError) { _ = try InputArguments(input) } catch { throw ValidationError("\(error)") }
    _ = try target()
    for (name, text) in [("expect", expect), ("metadata", metadata)] {
      do throws(JSONError) {
        if let text { _ = try JSONScanner.object(Array(text.utf8).span) }
      } catch {
        throw ValidationError("--\(name): this is no JSON object: \(error)")
      }
    }
    guard idempotencyKey?.utf8.allSatisfy(\.isVisible) ?? true else {
      throw ValidationError("--idempotency-key: give visible ASCII characters, without spaces")
    }
  }

  func run() throws {
    try reportingFailure {
      let body = try body()
      let client = try api.interruptibleClient()
      let job = try create(body, at: client)
      guard let id = job.text("id") else {
        throw CommandFailure(
          "no jobs API at this address: the response has no id. Check --api and API_LISTEN", code: .failure)
      }
      guard !detach else {
        if json { Terminal.print(json: job.bytes) } else { Terminal.print(id) }
        return
      }
      var follower = JobFollower(id, of: client)
      try JobResult(job: follower.follow(from: job)).report(asJSON: json)
    }
  }
}

// MARK: - The request

extension RunCommand {
  /// The request member that names what to run. The daemon validates the names.
  private func target() throws(ValidationError) -> (member: String, name: String) {
    switch (model, version, deployment) {
    case (let model?, nil, nil): return ("model", model)
    case (let model?, let version?, nil) where !model.contains(":"): return ("model", "\(model):\(version)")
    case (nil, let version?, nil): return ("version", version)
    case (nil, nil, let deployment?): return ("deployment", deployment)
    case (nil, nil, nil): throw ValidationError("name a model, or give --version or --deployment")
    default: throw ValidationError("give one of a model, its version once, and a deployment")
    }
  }

  private func body() throws -> [UInt8] {
    let fields: [UInt8]
    do throws(InputError) {
      fields = try InputArguments(input).json()
    } catch {
      throw CommandFailure("\(error)", code: .noInput)
    }
    let (member, name) = try target()
    var writer = JSONWriter(capacity: fields.count + 512)
    writer.object { object in
      object.member(named: member) { $0.string(name) }
      object.member("input", raw: fields[...])
      object.member("id", string: id)
      object.member("timeout", string: timeout)
      object.member("cancel_after", string: cancelAfter)
      object.member("retries", integer: retries)
      object.member("expect", raw: expect.map { Array($0.utf8)[...] })
      object.member("metadata", raw: metadata.map { Array($0.utf8)[...] })
    }
    return writer.bytes
  }

  /// The new job, or the one with this id or key.
  private func create(_ body: [UInt8], at client: JobsAPIClient) throws -> JSONDocument {
    do throws(CommandFailure) {
      let key = idempotencyKey.map { ["Idempotency-Key: \($0)"] } ?? []
      let answer = try client.send(.post, "/jobs", fields: key, body: body)
      guard [200, 202].contains(answer.status), let job = JSONDocument(answer.body) else {
        throw client.failure(of: answer, code: .rejected)
      }
      return job
    } catch {
      guard let signal = Signals.next(of: [.interrupt], within: .zero) else { throw error }
      Terminal.error(
        "ended before the daemon answered: `replicate-webhookd jobs` shows whether the job exists")
      throw ExitCode(128 + signal.rawValue)
    }
  }
}
