internal import JSONText

/// A prediction that the app asks for: what `POST /jobs` accepts.
///
///     {"model": "owner/name", "input": {"prompt": "…"}, "cancel_after": "5m", "expect": {"kind": "urls"}}
///
/// What is passed on or kept is kept as the exact text it was written in. A member that is not known is refused, for a
/// misspelt one that is ignored does something else than was asked.
package struct PredictionRequest: Equatable, Sendable {
  /// What is to run. The names were checked and need no escaping in a path.
  package enum Target: Equatable, Sendable {
    /// An official model, by `owner/name`: Replicate chooses the version.
    case model(String)
    /// A version: 64 hexadecimal digits, or `owner/name:` and these.
    case version(String)
    /// A deployment, by `owner/name`.
    case deployment(String)
  }

  package let target: Target
  /// `owner/name`, where the request says it; a deployment's name is not a model's.
  package let model: String?
  /// The job's id, if the app chose one: 1 to 64 letters, digits, hyphens and underscores. No dots: in a webhook's URL
  /// one follows the id.
  package let id: String?
  /// The text of a JSON object.
  package let input: [UInt8]
  /// In the order of ``WebhookEvent``. All of them unless the request chooses, so that progress is seen; `completed` is
  /// always among them, for without it nobody would say that the job has ended.
  package let events: [WebhookEvent]
  /// How long the job may go without news before it counts as stale, in seconds: 1 second to 7 days.
  package let timeout: Int?
  /// When Replicate shall give up, in seconds since the creation: 5 seconds to 24 hours.
  package let cancelAfter: Int?
  package let expect: OutputRule?
  /// The text of the JSON object that `expect` was read from.
  package let expectText: [UInt8]?
  /// The text of a JSON object of at most 16 KiB, which is the app's own.
  package let metadata: [UInt8]?
  /// How often a prediction that the platform gave up may be created again: 0 to 5.
  package let retries: Int?

  static let members = [
    "model", "version", "deployment", "input", "id", "webhook_events", "timeout", "cancel_after", "expect",
    "metadata", "retries",
  ]
  /// A file up to 256 KiB may be part of the input as a data URI, a larger one goes by URL (Replicate's input schema).
  /// In base64 that is four bytes for three, and a little for the media type.
  package static let longestDataURI = (256 * 1024 + 2) / 3 * 4 + 256
  /// In bytes of JSON text. Replicate names no limit. Some data URIs and a long prompt fit in, and a row of the
  /// database, an outgoing request and a job's answer, which all hold the input, stay small.
  package static let longestInput = 4 * 1024 * 1024
  package static let longestMetadata = 16 * 1024
  static let longestExpect = 4 * 1024

  /// - Parameter isStored: it was accepted before; versions until 0.1 took numbers of seconds without a unit.
  package init(body: Span<UInt8>, isStored: Bool = false) throws(PredictionRequestError) {
    let members = try RequestMembers(body: body)
    (target, model) = try members.target(in: body)
    input = try members.input(in: body)
    id = try members.id(in: body)
    events = try members.events(in: body)
    timeout = try members.seconds(
      "timeout", 1...7 * 86_400, "from 1s to 7d", allowsBareSeconds: isStored, in: body)
    cancelAfter = try members.seconds(
      "cancel_after", 5...86_400, "from 5s to 24h", allowsBareSeconds: isStored, in: body)
    expectText = try members.object("expect", upTo: Self.longestExpect, in: body)
    expect = try members.rule(expectText)
    metadata = try members.object("metadata", upTo: Self.longestMetadata, in: body)
    retries = try members.number("retries", 0...5, in: body)
  }
}

extension PredictionRequest {
  /// Where to post ``apiBody(webhook:)``, from the root of the API's host.
  package var apiPath: String {
    switch target {
    case .model(let name): "/v1/models/\(name)/predictions"
    case .version: "/v1/predictions"
    case .deployment(let name): "/v1/deployments/\(name)/predictions"
    }
  }

  /// What to post: the input byte for byte, and nothing that Replicate does not know, since it forbids that.
  ///
  /// With a webhook goes the list of its events, always: what Replicate sends without one is disputed among its own
  /// documents.
  package func apiBody(webhook: String?) -> [UInt8] {
    var writer = JSONWriter(capacity: input.count + 512)
    writer.object { object in
      if case .version(let version) = target { object.member("version", string: version) }
      object.member("input", raw: input[...])
      guard let webhook else { return }
      object.member("webhook", string: webhook)
      object.member("webhook_events_filter") { writer in
        writer.array(events) { $0.string($1.rawValue) }
      }
    }
    return writer.bytes
  }

  /// The value of the header `Cancel-After`.
  package var cancelAfterHeader: String? { cancelAfter.map { "\($0)s" } }
}
