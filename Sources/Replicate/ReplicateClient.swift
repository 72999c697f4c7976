internal import Bytes
package import HTTPClient
package import JobRequests

/// Replicate's API, as far as jobs need it. It blocks: used by one thread at a time, never by a loop.
///
/// The token goes to the host of `base` alone: no answer names another place to call, and redirects are not followed.
package final class ReplicateClient {
  private let client: HTTPClient
  private let base: String
  private let authorization: String

  /// What came of a call.
  package enum Outcome<Value> {
    case answered(Value)
    /// The provider refused, or answered what is not understood.
    case failed(APIFailure)
    /// No answer, and not a byte of the call has left.
    case unsent(String)
    /// No answer, and what became of the call is not known.
    case unanswered(String)
  }

  /// A prediction, and the body that it was read from.
  package struct Answer {
    package let prediction: Prediction
    package let body: [UInt8]
  }

  /// A page of the list repeats the inputs and logs of a hundred predictions. One search is made at a time.
  private static let maxPage = 16 << 20
  /// Beyond a prediction, in an answer: what an error needs, where predictions are bounded to less.
  private static let overhead = 64 << 10

  /// - Parameters:
  ///   - base: of the API's URL, without a slash at its end.
  ///   - maxBody: of an answer about one prediction: what is larger is no more taken here than as a delivery.
  ///   - isStopping: ends a call that is under way.
  package init(
    base: String, token: APIToken, maxBody: Int = 8 << 20, isStopping: @escaping @Sendable () -> Bool
  ) throws(HTTPClientError) {
    var limits = HTTPClient.Limits()
    limits.totalTimeoutMilliseconds = 30_000
    limits.maxBodyBytes = maxBody + Self.overhead
    client = try HTTPClient(limits: limits, isCanceled: isStopping)
    self.base = base
    authorization = "Authorization: Bearer \(token.revealed)"
  }

  /// Never sends the call twice, whatever happens: there is no key by which the provider would know the second.
  package func create(_ request: PredictionRequest, webhook: String?) -> Outcome<Answer> {
    var fields = [authorization, "Content-Type: application/json"]
    if let time = request.cancelAfterHeader { fields.append("Cancel-After: \(time)") }
    return prediction(
      .post, request.apiPath, fields, body: request.apiBody(webhook: webhook), isOnce: true)
  }

  /// The raw value is a part of the path.
  package enum Kind: String {
    case predictions
    case trainings
  }

  package func get(_ id: String, _ kind: Kind) -> Outcome<Answer> {
    prediction(.get, "/v1/\(kind.rawValue)/\(PercentEncoding.encode(id))", [authorization])
  }

  package func cancel(_ id: String, _ kind: Kind) -> Outcome<Answer> {
    prediction(.post, "/v1/\(kind.rawValue)/\(PercentEncoding.encode(id))/cancel", [authorization])
  }

  /// The newest predictions, or those of the page at `path`.
  package func list(_ path: String?) -> Outcome<(page: PredictionPage, body: [UInt8])> {
    call(.get, path ?? "/v1/predictions", [authorization], maxBody: Self.maxPage) { body in
      PredictionPage(body: body.span).map { ($0, body) }
    }
  }

  /// The secret that webhooks of this account are signed with.
  package func signingSecret() -> Outcome<SigningSecret> {
    call(.get, "/v1/webhooks/default/secret", [authorization]) { SigningSecret(body: $0.span) }
  }
}

// MARK: - Calls

extension ReplicateClient {
  private func prediction(
    _ method: HTTPClient.Method, _ path: String, _ fields: [String], body: [UInt8]? = nil,
    isOnce: Bool = false
  ) -> Outcome<Answer> {
    call(method, path, fields, body: body, isOnce: isOnce) { body in
      // What the body lacks is of no interest here: it is no prediction.
      (try? Prediction(body: body.span)).map { Answer(prediction: $0, body: body) }
    }
  }

  private func call<Value>(
    _ method: HTTPClient.Method, _ path: String, _ fields: [String], body: [UInt8]? = nil,
    isOnce: Bool = false, maxBody: Int? = nil,
    _ read: ([UInt8]) -> Value?
  ) -> Outcome<Value> {
    do throws(HTTPClientError) {
      let answer = try client.send(
        method, to: base + path, fields: fields, body: body, isOnce: isOnce, maxBody: maxBody)
      if let failure = APIFailure(
        status: answer.status, retryAfter: answer.retryAfter, body: answer.body.span)
      {
        return .failed(failure)
      }
      guard let value = read(answer.body) else { return .failed(.unintelligible(status: answer.status)) }
      return .answered(value)
    } catch {
      if let status = error.statusOfOversizedResponse { return .failed(.unintelligible(status: status)) }
      return error.isUnsent ? .unsent("\(error)") : .unanswered("\(error)")
    }
  }
}
