internal import HTTPWire
internal import JSONText
internal import Time

/// A request to create a prediction or a training.
struct CreateRequest: Sendable {
  let model: ModelName
  let version: String
  let deployment: String?
  /// The model whose version a training creates; nil for a prediction.
  private(set) var destination: ModelName?
  /// A JSON object, byte for byte as received.
  let input: [UInt8]
  let overrides: BehaviourOverrides
  let webhook: String?
  let webhookEvents: [WebhookEvent]?
  /// How long the response waits for the prediction's end.
  var wait: Duration?
  /// Time from creation to the deadline.
  var cancelAfter: Duration?

  /// The endpoint that received the request.
  enum Endpoint: Equatable, Sendable {
    case predictions
    case model(ModelName)
    case deployment(ModelName)
    case training(ModelName, version: String)
  }

  init(_ body: Span<UInt8>, to endpoint: Endpoint, models: Models = .builtIn) throws(APIProblem) {
    let members: [JSONMember]
    do throws(JSONError) {
      members = try JSONScanner.object(body).members
    } catch {
      throw .malformed(error)
    }
    var fields: [String: JSONValue] = [:]
    for member in members {
      let name = JSONString.decode(member.name, of: body)
      guard Self.isKnown(name, at: endpoint) else {
        throw .invalid(
          InvalidInput(field: name, description: "Additional property \(name) is not allowed"))
      }
      fields[name] = member.value.kind == .null ? nil : member.value
    }
    (model, version, deployment) = try Self.target(endpoint, fields["version"], models, in: body)
    if case .training = endpoint { destination = try Self.destination(fields["destination"], in: body) }
    guard let input = fields["input"] else {
      throw .invalid(InvalidInput(field: "input", description: "input is required"))
    }
    guard input.kind == .object else {
      throw .invalid(InvalidInput(field: "input", description: "must be an object"))
    }
    self.input = input.bytes(in: body)
    let bytes = self.input
    do throws(InvalidInput) {
      overrides = try BehaviourOverrides(input: bytes.span)
      webhook = try Self.webhook(fields["webhook"], in: body)
      webhookEvents = try Self.events(fields["webhook_events_filter"], in: body)
    } catch {
      throw .invalid(error)
    }
  }

  /// Whether `endpoint` accepts this member; older clients send `stream`.
  private static func isKnown(_ name: String, at endpoint: Endpoint) -> Bool {
    switch name {
    case "input", "webhook", "webhook_events_filter", "stream": true
    case "version": endpoint == .predictions
    // Older clients send `webhook_completed`.
    case "destination", "webhook_completed": if case .training = endpoint { true } else { false }
    default: false
    }
  }

  private static func destination(_ value: JSONValue?, in body: Span<UInt8>) throws(APIProblem) -> ModelName {
    guard let parts = value?.text(in: body)?.split(separator: "/"), parts.count == 2,
      let model = ModelName(owner: parts[0], name: parts[1])
    else {
      throw .invalid(InvalidInput(field: "destination", description: "must be the owner/name of a model"))
    }
    guard !model.isMissing else { throw .noDestination }
    return model
  }

  private static func target(
    _ endpoint: Endpoint, _ version: JSONValue?, _ models: Models, in body: Span<UInt8>
  ) throws(APIProblem) -> (ModelName, String, String?) {
    switch endpoint {
    case .model(let model):
      guard !model.isMissing else { throw .notFound }
      return (model, VersionReference.hidden, nil)
    case .deployment(let name):
      guard !name.isMissing else { throw .notFound }
      return (name, name.version, name.description)
    case .training(let model, let version):
      guard !model.isMissing else { throw .notFound }
      guard let reference = VersionReference("\(model):\(version)") else { throw .invalidVersion }
      return (model, reference.version, nil)
    case .predictions:
      guard let version else {
        throw .invalid(InvalidInput(field: "version", description: "version is required"))
      }
      guard let reference = version.text(in: body).flatMap({ VersionReference($0, models: models) }),
        !reference.model.isMissing
      else { throw .invalidVersion }
      return (reference.model, reference.version, nil)
    }
  }

  /// The limit of Replicate's model containers.
  private static let maxURLBytes = 65_536

  private static func webhook(_ value: JSONValue?, in body: Span<UInt8>) throws(InvalidInput) -> String? {
    guard let value else { return nil }
    guard let url = value.text(in: body), isWebURL(url) else {
      throw InvalidInput(field: "webhook", description: "Invalid webhook URL")
    }
    return url
  }

  /// `http://` is accepted here for receivers in development. The real API requires `https://`.
  private static func isWebURL(_ url: String) -> Bool {
    guard url.utf8.count <= maxURLBytes, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let scheme = ["https://", "http://"].first(where: url.hasPrefix)
    else { return false }
    let authority = url.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
    return !authority.isEmpty && authority.first != ":"
      && authority.utf8.allSatisfy { !"\"<>\\^`{|}".utf8.contains($0) }
  }

  private static func events(
    _ value: JSONValue?, in body: Span<UInt8>
  ) throws(InvalidInput) -> [WebhookEvent]? {
    guard let value else { return nil }
    let known = WebhookEvent.allCases.map(\.rawValue).joined(separator: ", ")
    let problem = InvalidInput(
      field: "webhook_events_filter", description: "must be an array of any of \(known)")
    guard value.kind == .array, let elements = try? JSONScanner.elements(value, in: body),
      elements.count <= 16
    else { throw problem }
    var events: [WebhookEvent] = []
    for element in elements {
      guard let event = element.text(in: body).flatMap(WebhookEvent.init) else { throw problem }
      events.append(event)
    }
    return events
  }
}

extension CreateRequest {
  /// Replicate's limits: the maximum wait, and the minimum time until cancellation.
  private static let maxWaitSeconds: Int64 = 60
  private static let minCancelAfter: Duration = .seconds(5)

  /// Applies the header fields `Prefer` and `Cancel-After`.
  mutating func apply(prefer: String?, cancelAfter text: String?) throws(APIProblem) {
    if let prefer { wait = try Self.wait(prefer) }
    guard let text else { return }
    guard let duration = DurationFormat.cancelAfter.parse(text), duration >= Self.minCancelAfter else {
      throw .invalid(
        InvalidInput(
          field: "Cancel-After", description: "must be a duration of at least 5 seconds, such as 30s or 1h30m"
        ))
    }
    cancelAfter = duration
  }

  /// Parses `wait` or `wait=10`; other preferences are ignored (RFC 7240).
  private static func wait(_ prefer: String) throws(APIProblem) -> Duration? {
    for preference in prefer.split(separator: ",") {
      let parts = preference.split(separator: "=").map { $0.filter { $0 != " " && $0 != "\"" } }
      guard parts.first?.lowercased() == "wait" else { continue }
      guard parts.count > 1 else { return .seconds(maxWaitSeconds) }
      guard let seconds = Int64(parts[1]), (1...maxWaitSeconds).contains(seconds) else {
        throw .invalid(
          InvalidInput(field: "Prefer", description: "wait must be 1 to \(maxWaitSeconds) seconds"))
      }
      return .seconds(seconds)
    }
    return nil
  }
}
