package import JSONText

/// A request for a prediction, the body of `POST /jobs`.
///
///     {"model": "owner/name", "input": {"prompt": "…"}, "cancel_after": "5m", "expect": {"kind": "urls"}}
///
/// Members that are passed on or stored keep their exact text. An unknown member is rejected, because a
/// misspelt one that was ignored would silently have no effect.
package struct PredictionRequest: Equatable, Sendable {
  /// The model to run. Names are validated, and need no escaping in a path.
  package enum Target: Equatable, Sendable {
    /// An official model, by `owner/name`: Replicate chooses the version.
    case model(String)
    /// A version: 64 hexadecimal digits, alone or after `owner/name:`.
    case version(String)
    /// A deployment, by `owner/name`.
    case deployment(String)
  }

  package let target: Target
  /// `owner/name`, if the request names it. A deployment's name is not a model's.
  package let model: String?
  /// The job's id, if the app chose one.
  ///
  /// It has 1 to 64 letters, digits, hyphens and underscores. It has no dot, because one follows the id in a
  /// webhook's URL.
  package let id: String?
  /// The text of a JSON object. Empty where it was erased from a stored request.
  package let input: [UInt8]
  /// Webhook events in the order of ``WebhookEvent``.
  ///
  /// The default is all of them, so that progress is seen. `completed` is always included, because it reports
  /// the end.
  package let events: [WebhookEvent]
  /// Seconds without an update after which the job is stale: 1 second to 7 days.
  package let timeout: Int?
  /// Seconds after which Replicate cancels the prediction: 5 seconds to 24 hours.
  package let cancelAfter: Int?
  package let expect: OutputRule?
  /// The text of the JSON object that `expect` was read from.
  package let expectText: [UInt8]?
  /// The text of the app's own JSON object, at most 16 KiB.
  package let metadata: [UInt8]?
  /// How often a prediction that the platform ended may be created again: 0 to 5.
  package let retries: Int?
  /// Where the app is notified of this job.
  package let callback: CallbackRequest?
  /// The text of the JSON object that `callback` was read from.
  package let callbackText: [UInt8]?

  /// Seconds after which a queued job is not sent any more: 1 second to 7 days.
  package let startBefore: Int?
  /// Whether the files of the output are kept. Nil for the daemon's default.
  package let archive: ArchiveMode?

  static let members = [
    "model", "version", "deployment", "input", "id", "webhook_events", "timeout", "cancel_after", "expect",
    "metadata", "retries", "callback", "start_before", "archive",
  ]
  /// The length of a data URI with a file of 256 KiB.
  ///
  /// Replicate's input schema has a URL for larger files. Base64 takes four bytes for three, and the media
  /// type a few more.
  package static let maxDataURIBytes = (256 * 1024 + 2) / 3 * 4 + 256
  /// In bytes of JSON text. Replicate documents no limit.
  ///
  /// Some data URIs and a long prompt fit. The database's rows, outgoing requests and job documents all
  /// contain the input, and stay small.
  package static let maxInputBytes = 4 * 1024 * 1024
  package static let maxMetadataBytes = 16 * 1024
  static let maxExpectBytes = 4 * 1024

  /// - Parameter isStored: whether it was accepted before. Versions until 0.1 accepted seconds without a
  ///   unit.
  package init(body: Span<UInt8>, isStored: Bool = false) throws(PredictionRequestError) {
    let members = try RequestMembers(body: body)
    (target, model) = try members.target(in: body)
    input = try isStored && members["input"] == nil ? [] : members.input(in: body)
    id = try members.id(in: body)
    events = try members.events(in: body)
    timeout = try members.seconds(
      "timeout", 1...7 * 86_400, "from 1s to 7d", allowsBareSeconds: isStored, in: body)
    cancelAfter = try members.seconds(
      "cancel_after", 5...86_400, "from 5s to 24h", allowsBareSeconds: isStored, in: body)
    expectText = try members.object("expect", upTo: Self.maxExpectBytes, in: body)
    expect = try members.rule(expectText)
    metadata = try members.metadata(isStored: isStored, in: body)
    retries = try members.number("retries", 0...5, in: body)
    callbackText = try members.object("callback", upTo: CallbackRequest.maxTextBytes, in: body)
    callback = try members.callback(callbackText)
    startBefore = try members.seconds(
      "start_before", 1...7 * 86_400, "from 1s to 7d", allowsBareSeconds: false, in: body)
    archive = try members.archive(in: body)
  }
}

extension PredictionRequest {
  /// The path to post ``apiBody(webhook:)`` to, on the API's host.
  package var apiPath: String {
    switch target {
    case .model(let name): "/v1/models/\(name)/predictions"
    case .version: "/v1/predictions"
    case .deployment(let name): "/v1/deployments/\(name)/predictions"
    }
  }

  /// The body to post, with the input byte for byte.
  ///
  /// Replicate forbids unknown members, so there are none. A webhook always has its list of events, because
  /// Replicate's documents disagree about the default.
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

/// The events of a prediction that a webhook reports.
package enum WebhookEvent: String, CaseIterable, Sendable {
  case start
  case output
  case logs
  case completed
}

/// Why a body is not a valid request, with the remedy.
package enum PredictionRequestError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Not a JSON object at all.
  case malformedJSON(JSONError)
  /// A member is missing, unknown, or invalid.
  case invalid(field: String, reason: String)
  /// `input`, or a file inside it, is too large.
  case inputTooLarge(reason: String)

  /// The member at fault; nil for the body as a whole.
  package var field: String? {
    switch self {
    case .malformedJSON: nil
    case .invalid(let field, _): field
    case .inputTooLarge: "input"
    }
  }

  package var description: String {
    switch self {
    case .malformedJSON(let error): "The body is not a JSON object: \(error)."
    case .invalid(_, let reason), .inputTooLarge(let reason): reason
    }
  }
}
