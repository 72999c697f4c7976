internal import Bytes
package import HTTPClient
package import JobRequests

/// A client of Replicate's API.
///
/// The token is sent only to the host of `base`: no response names another host, and redirects are not
/// followed.
package struct ReplicateClient: Sendable {
  private let client: any HTTPClient
  private let base: String
  private let credentials: ProviderCredentials
  private let maxBodyBytes: Int

  /// The outcome of a call.
  package enum Outcome<Value: Sendable>: Sendable {
    case answered(Value)
    /// An error response, or one that cannot be read.
    case failed(APIFailure)
    /// No response, and no byte of the request was sent.
    case unsent(String)
    /// No response, and the effect of the call is unknown.
    case unanswered(String)
  }

  /// A prediction, and the body it was read from.
  package struct Answer: Sendable {
    package let prediction: Prediction
    package let body: [UInt8]
  }

  /// A page repeats the inputs and logs of a hundred predictions. One search runs at a time.
  private static let maxPageBytes = 16 << 20
  /// What an error response may need where predictions are limited to less.
  private static let errorBodyBytes = 64 << 10

  private static let timeout = Duration.seconds(30)

  private static let secretPath = "/v1/webhooks/default/secret"

  /// - Parameters:
  ///   - base: the API's URL, without a slash at its end.
  ///   - maxBodyBytes: for one prediction. A larger one is rejected here as in a delivery.
  package init(base: String, token: APIToken, maxBodyBytes: Int = 8 << 20, client: any HTTPClient) {
    self.init(
      base: base, credentials: ProviderCredentials(token), maxBodyBytes: maxBodyBytes, client: client)
  }

  /// - Parameter credentials: the token, which may change between two calls.
  package init(
    base: String, credentials: ProviderCredentials, maxBodyBytes: Int, client: any HTTPClient
  ) {
    self.client = client
    self.base = base
    self.maxBodyBytes = maxBodyBytes + Self.errorBodyBytes
    self.credentials = credentials
  }

  /// Creates a prediction. The request is never sent twice.
  ///
  /// The provider has no idempotency key by which it would recognize the second.
  package func create(_ request: PredictionRequest, webhook: String?) async -> Outcome<Answer> {
    var fields = [credentials.authorization, "Content-Type: application/json"]
    if let time = request.cancelAfterHeader { fields.append("Cancel-After: \(time)") }
    return await prediction(
      .post, request.apiPath, fields, body: request.apiBody(webhook: webhook), isOnce: true)
  }

  /// The kind of a prediction, as a part of the path.
  package enum Kind: String, Sendable {
    case predictions
    case trainings
  }

  package func get(_ id: String, _ kind: Kind) async -> Outcome<Answer> {
    await prediction(.get, "/v1/\(kind.rawValue)/\(PercentEncoding.encode(id))", [credentials.authorization])
  }

  package func cancel(_ id: String, _ kind: Kind) async -> Outcome<Answer> {
    await prediction(
      .post, "/v1/\(kind.rawValue)/\(PercentEncoding.encode(id))/cancel", [credentials.authorization])
  }

  /// The newest predictions, or those of the page at `path`.
  package func list(_ path: String?) async -> Outcome<(page: PredictionPage, body: [UInt8])> {
    await call(.get, path ?? "/v1/predictions", [credentials.authorization], maxBodyBytes: Self.maxPageBytes)
    { body in
      PredictionPage(body: body.span).map { ($0, body) }
    }
  }

  /// The signing secret of this account's webhooks.
  package func signingSecret() async -> Outcome<SigningSecret> {
    await call(.get, Self.secretPath, [credentials.authorization]) { SigningSecret(body: $0.span) }
  }

  /// The request of ``signingSecret()``, for a client that is not one of tasks.
  ///
  /// - Parameter fields: the names of the fields that the response is to have.
  package static func secretRequest(
    base: String, token: APIToken, wanting fields: [String]
  ) -> HTTPClientRequest {
    var request = HTTPClientRequest(
      .get, base + secretPath, fields: ["Authorization: Bearer \(token.revealed)"])
    request.wantedFields = fields
    request.timeout = timeout
    request.maxBodyBytes = errorBodyBytes
    return request
  }

  /// What the response to that request means.
  package static func secret(in response: HTTPClientResponse) -> Outcome<SigningSecret> {
    Outcome(status: response.status, retryAfter: response.retryAfter, body: response.body) {
      SigningSecret(body: $0.span)
    }
  }
}

// MARK: - Calls

extension ReplicateClient {
  private func prediction(
    _ method: HTTPClientRequest.Method, _ path: String, _ fields: [String], body: [UInt8]? = nil,
    isOnce: Bool = false
  ) async -> Outcome<Answer> {
    await call(method, path, fields, body: body, isOnce: isOnce) { body in
      (try? Prediction(body: body.span)).map { Answer(prediction: $0, body: body) }
    }
  }

  private func call<Value>(
    _ method: HTTPClientRequest.Method, _ path: String, _ fields: [String], body: [UInt8]? = nil,
    isOnce: Bool = false, maxBodyBytes: Int? = nil, _ read: ([UInt8]) -> Value?
  ) async -> Outcome<Value> {
    var request = HTTPClientRequest(method, base + path, fields: fields, body: body)
    request.isOnce = isOnce
    request.maxBodyBytes = maxBodyBytes ?? self.maxBodyBytes
    request.timeout = Self.timeout
    switch await client.send(request) {
    case .success(let response):
      return Outcome(
        status: response.status, retryAfter: response.retryAfter, body: response.body, read: read)
    case .failure(.oversized(let status)), .failure(.unwanted(let status)):
      return .failed(.unintelligible(status: status))
    case .failure(.unsent(let reason)): return .unsent(reason)
    case .failure(.addressRefused(let refusal)): return .unsent("\(refusal)")
    case .failure(.unanswered(let reason)): return .unanswered(reason)
    }
  }
}

extension ReplicateClient.Outcome {
  /// Why it failed. Nil for an answer, and where a pause is all that follows.
  package var reason: String? {
    switch self {
    case .answered, .failed(.rateLimited): nil
    case .failed(let failure): "\(failure)"
    case .unsent(let cause), .unanswered(let cause): cause
    }
  }

  /// The outcome of an HTTP response, whose body `read` decodes.
  init(status: Int, retryAfter: String?, body: [UInt8], read: ([UInt8]) -> Value?) {
    if let failure = APIFailure(status: status, retryAfter: retryAfter, body: body.span) {
      self = .failed(failure)
    } else if let value = read(body) {
      self = .answered(value)
    } else {
      self = .failed(.unintelligible(status: status))
    }
  }
}
