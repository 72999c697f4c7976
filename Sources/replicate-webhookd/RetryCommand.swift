import ArgumentParser
import Console
internal import Bytes
import Console
import HTTPClient
import JSONText

/// `retry ID`: creates a job with the request of an ended one.
struct RetryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Create a job with the request of an ended one.",
    discussion: """
      Prints the id of the new job, whose document names the old one as retry_of. The old job stays as it is.

        replicate-webhookd retry ID
        replicate-webhookd retry ID -i prompt='another lamp'
        replicate-webhookd retry ID --changes '{"timeout": "5m", "metadata": null}'

      Each change replaces a whole member of the request: with -i give every field of the input. null \
      removes a member.

      Exit status: 0 if the job is created, or was before with this id or key; 1 if the old job is unknown, \
      has not ended or was not created here; 65 if the daemon rejects the request, 69 if no daemon answers.
      """)

  @Argument(help: "The ended job's id, or its prediction's.")
  var job: String

  @Option(name: [.short, .long], help: "One field of a new input; may be repeated.")
  var input: [String] = []

  @Option(help: ArgumentHelp("Members of the request to replace.", valueName: "json"))
  var changes: String?

  @Option(help: "The new job's id, if you choose it: letters, digits, hyphens and underscores.")
  var id: String?

  @Option(help: "With the same key, a repeated command finds the same job.")
  var idempotencyKey: String?

  @Flag(help: "Print the API's JSON of the new job.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func validate() throws {
    try JobID.validate(job)
    if let id { try JobID.validate(id) }
    do throws(InputError) { _ = try InputArguments(input) } catch { throw ValidationError("\(error)") }
    if let changes, JSONDocument(Array(changes.utf8)) == nil {
      throw ValidationError("--changes: this is no JSON object")
    }
    guard idempotencyKey?.utf8.allSatisfy(\.isVisible) ?? true else {
      throw ValidationError("--idempotency-key: give visible ASCII characters, without spaces")
    }
  }

  func run() throws {
    try reportingFailure {
      let client = try api.client()
      let answer = try client.send(
        .post, "/jobs/\(PercentEncoding.encode(job))/retry",
        fields: idempotencyKey.map { ["Idempotency-Key: \($0)"] } ?? [], body: try body())
      guard [200, 202].contains(answer.status), let created = JSONDocument(answer.body) else {
        throw client.failure(of: answer, code: [400, 422].contains(answer.status) ? .rejected : .failure)
      }
      if json { Terminal.print(json: answer.body) } else { Terminal.print(created.text("id") ?? "") }
    }
  }

  /// What changes of the request.
  private func body() throws -> [UInt8] {
    let members = changes.map { Array($0.utf8) } ?? []
    let object = try? JSONScanner.object(members.span)
    var writer = JSONWriter(capacity: members.count + 512)
    let fields: [UInt8]?
    do throws(InputError) {
      fields = input.isEmpty ? nil : try InputArguments(input).json()
    } catch {
      throw CommandFailure("\(error)", code: .noInput)
    }
    writer.object { target in
      for member in object?.members ?? [] {
        target.member(named: JSONString.decode(member.name, of: members.span)) {
          $0.raw(members[member.value.range])
        }
      }
      target.member("input", raw: fields?[...])
      target.member("id", string: id)
    }
    return writer.bytes
  }
}
