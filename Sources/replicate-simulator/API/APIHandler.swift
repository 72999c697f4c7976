internal import Bytes
internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import JSONText
internal import StandardWebhooks
internal import Time

/// Serves the simulated part of Replicate's HTTP API.
///
/// Used only on its event loop.
final class APIHandler: RequestHandler {
  private let loop: EventLoop
  let provider: Provider
  private let secret: Secret
  /// The only accepted token; nil accepts any.
  private let token: String?
  /// The added latency of every response.
  private let latency: Duration
  private let bodyLimit: Int
  /// The checksums of what large files of one size share.
  var fillerChecksums: [Int: CRC32C] = [:]

  init(
    loop: EventLoop, provider: Provider, secret: Secret, token: String?, latency: Duration, bodyLimit: Int
  ) {
    self.loop = loop
    self.provider = provider
    self.secret = secret
    self.token = token
    self.latency = latency
    self.bodyLimit = bodyLimit
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    do throws(APIProblem) {
      let route = try APIRoute(head.method, head.target.segments)
      if route.needsToken { try authorize(head) }
      if let responder = streamResponder(of: route) {
        return .stream(maxBodyBytes: bodyLimit, respond: responder)
      }
      let respond: Responder = { [self] in await self.respond(to: $0, at: route) }
      guard route == .createFile else { return .receive(maxBodyBytes: bodyLimit, respond: respond) }
      if case .length(let length) = head.bodyFraming, length > FileUpload.maxBodySize { throw .fileTooLarge }
      return .receive(maxBodyBytes: FileUpload.maxBodySize, respond: respond)
    } catch {
      return .refuse(error.response)
    }
  }

  private func respond(to request: Request, at route: APIRoute) async -> Response {
    do throws(APIProblem) {
      guard route.isOfAPI else { return try await answer(route, request, isAnswered: true) }
      if latency > .zero { _ = await loop.sleep(until: loop.now + latency) }
      let failure = await provider.nextFailure(ofCreation: route.isCreation)
      if let failure, failure.isBefore { throw failure.problem }
      let response = try await answer(route, request, isAnswered: failure == nil)
      if let failure { throw failure.problem }
      return response
    } catch {
      return error.response
    }
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response {
    switch refusal {
    case .malformed(let error): APIProblem(error.status, error.explanation).response
    case .bodyTooLarge(let limit):
      APIProblem(.contentTooLarge, "The body is larger than \(limit) bytes.").response
    case .timedOut: APIProblem(.requestTimeout, "The request did not come in time.").response
    case .notTLS: APIProblem(.badRequest, "This port requires TLS.").response
    case .tooManyConnections, .tooManyConnectionsOfAddress, .tooManyStreams, .evicted:
      APIProblem.unavailable.response
    }
  }

  func observe(_ event: ConnectionEvent) {}

  /// Checks the token. `Bearer` is the scheme of current clients, `Token` of older ones.
  private func authorize(_ head: RequestHead) throws(APIProblem) {
    guard case .one(let credentials) = head.fields.single("authorization") else { throw .unauthenticated }
    let parts = credentials.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, ["bearer", "token"].contains(parts[0].lowercased()) else {
      throw .unauthenticated
    }
    guard token.map({ $0 == parts[1] }) ?? true else { throw .unauthenticated }
  }
}

extension Faults.Failure {
  fileprivate var problem: APIProblem {
    switch self {
    case .errorBefore, .errorAfter: .internalError
    case .unavailableBefore, .unavailableAfter: .unavailable
    }
  }
}

// MARK: - Answers

extension APIHandler {
  private func answer(
    _ route: APIRoute, _ request: Request, isAnswered: Bool
  ) async throws(APIProblem) -> Response {
    switch route {
    case .create(let endpoint):
      return try await create(request, at: endpoint, isAnswered: isAnswered)
    case .list(let kind):
      let query = try ListQuery(parameters(of: request.head))
      return Response(json: await provider.list(query, kind))
    case .run(let kind, let id):
      return Response(json: await provider.document(of: try await provider.ordinal(of: id, kind)))
    case .cancel(let kind, let id):
      let ordinal = try await provider.ordinal(of: id, kind)
      await provider.cancel(ordinal)
      return Response(json: await provider.document(of: ordinal))
    case .stream(let key):
      return try await stream(key)
    case .createFile, .files, .file, .deleteFile, .download:
      return try await answerFile(route, request)
    case .webhookSecret:
      return Response { $0.object { $0.member("key", string: secret.revealed) } }
    case .account:
      return Response(json: ModelDocument.accountBytes)
    case .models, .model, .versions, .version, .deployment:
      return try describe(route)
    // Sent in pieces, see ``admit(_:from:)``.
    case .output, .bareFile:
      throw .notFound
    case .overview:
      return try await overview(request.head)
    }
  }

  private func create(
    _ request: Request, at endpoint: CreateRequest.Endpoint, isAnswered: Bool
  ) async throws(APIProblem) -> Response {
    let fields = request.head.fields
    var wanted = try CreateRequest(request.body.span, to: endpoint, models: provider.settings.models)
    try wanted.apply(prefer: fields.first("prefer"), cancelAfter: fields.first("cancel-after"))
    let ordinal = try await provider.create(wanted)
    if !isAnswered { await provider.noteLostResponse(of: ordinal) }
    var hasEnded = false
    if let wait = wanted.wait, isAnswered {
      hasEnded = await provider.wait(for: ordinal, timeout: wait)
    }
    // After a timeout, the response shows the state at creation even if the prediction is running,
    // because clients treat `processing` as ended.
    let document = await provider.document(of: ordinal, asCreated: !hasEnded)
    var response = Response(
      status: wanted.wait != nil && !hasEnded ? .accepted : .created, json: document)
    let kind: RunKind = wanted.destination == nil ? .prediction : .training
    response.fields.append(("Location", provider.url(of: ordinal, kind)))
    if let wait = wanted.wait {
      response.fields.append(("Preference-Applied", "wait=\(wait.components.seconds)"))
    }
    return response
  }

  private func describe(_ route: APIRoute) throws(APIProblem) -> Response {
    let (publicURL, models) = (provider.settings.publicURL, provider.settings.models)
    switch route {
    case .model(let model), .versions(let model), .version(let model, _), .deployment(let model):
      guard !model.isMissing else { throw .notFound }
      let document = ModelDocument(model: model, publicURL: publicURL, models: models)
      return Response { writer in
        switch route {
        case .versions:
          writer.page([model.version]) { document.writeVersion($1, to: &$0) }
        case .version(_, let id): document.writeVersion(id, to: &writer)
        case .deployment: document.writeDeployment(to: &writer)
        default: document.writeModel(to: &writer)
        }
      }
    default:
      return Response { writer in
        writer.page(models.names) { writer, model in
          ModelDocument(model: model, publicURL: publicURL, models: models).writeModel(to: &writer)
        }
      }
    }
  }

  /// Server-sent events, sent together at the prediction's end.
  ///
  /// The server has no streaming responses.
  private func stream(_ key: String) async throws(APIProblem) -> Response {
    let ordinal = try await provider.ordinal(ofStream: key)
    _ = await provider.wait(for: ordinal, timeout: .seconds(60))
    return Response(
      status: .ok, fields: [("Content-Type", "text/event-stream")], body: await provider.events(of: ordinal))
  }

  private func overview(_ head: RequestHead) async throws(APIProblem) -> Response {
    var (after, limit) = (0, Provider.maxOverviewPredictions)
    for (name, value) in try parameters(of: head) {
      if name == "after" { after = Int(value) ?? after }
      if name == "limit" { limit = Int(value) ?? limit }
    }
    return Response(json: await provider.overview(after: after, limit: limit))
  }

  func parameters(of head: RequestHead) throws(APIProblem) -> [(name: String, value: String)] {
    guard let parameters = head.target.queryParameters else {
      throw APIProblem(.badRequest, "The query is not validly encoded.")
    }
    return parameters
  }
}

extension Response {
  /// A JSON response. Like Replicate's, its body ends with a newline.
  init(status: Status = .ok, json: [UInt8]) {
    self.init(status: status, fields: [("Content-Type", "application/json")], body: json + [0x0A])
  }

  init(_ write: (inout JSONWriter) -> Void) {
    var writer = JSONWriter()
    write(&writer)
    self.init(json: writer.bytes)
  }
}

extension JSONWriter {
  /// Writes a list as its only page.
  mutating func page<Element>(
    _ results: [Element], _ write: (inout JSONWriter, Element) -> Void
  ) {
    object { object in
      object.member("previous", orNull: nil)
      object.member("next", orNull: nil)
      object.member("results") { $0.array(results, write) }
    }
  }
}
