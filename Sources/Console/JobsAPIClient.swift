package import HTTPClient
internal import JSONText

/// A client of the jobs API of a running daemon.
package struct JobsAPIClient {
  private let base: String
  private let token: String?
  private let client: BlockingHTTPClient

  package init(base: String, token: String?, isCanceled: @escaping @Sendable () -> Bool) throws {
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    self.token = token
    do throws(HTTPClientError) {
      // A token of API_TOKENS belongs to the daemon; a proxy must not receive it.
      client = try BlockingHTTPClient(usesProxy: false, isCanceled: isCanceled)
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }

  package func url(of path: String) -> String { base + path }

  /// The body of a 200 response.
  ///
  /// - Throws: a failure with the daemon's explanation, after any other status.
  package func get(_ path: String) throws(CommandFailure) -> [UInt8] {
    let answer = try send(.get, path)
    guard answer.status == 200 else { throw failure(of: answer) }
    return answer.body
  }

  /// Sends one request and returns the response of any status.
  ///
  /// - Parameters:
  ///   - fields: header fields as `name: value`.
  ///   - body: JSON. A POST is never sent twice.
  ///   - whileWaiting: called about once a second until the response.
  package func send(
    _ method: HTTPClientRequest.Method, _ path: String, fields: [String] = [], body: [UInt8]? = nil,
    whileWaiting: @escaping () -> Void = {}
  ) throws(CommandFailure) -> HTTPClientResponse {
    var fields = fields
    if let token { fields.append("Authorization: Bearer \(token)") }
    if body != nil { fields.append("Content-Type: application/json") }
    var request = HTTPClientRequest(method, base + path, fields: fields, body: body)
    request.isOnce = method == .post
    do throws(HTTPClientError) {
      return try client.send(request) {
        whileWaiting()
        return false
      }
    } catch {
      throw CommandFailure(
        "\(base): \(error). Is the daemon running, and is this its API_LISTEN?", code: .unavailable)
    }
  }

  /// The failure that an unexpected response describes.
  ///
  /// - Parameter code: the exit status if the daemon, or a proxy before it, rejected the request.
  package func failure(of answer: HTTPClientResponse, code: ExitStatus = .failure) -> CommandFailure {
    let problem = JSONDocument(answer.body)
    let detail = problem?.text("detail") ?? "no explanation"
    let name = problem?.text("code").map { " \($0)" } ?? ""
    // RFC 9110 section 15.6: the daemon cannot serve now, or a proxy does not reach it.
    let isTemporary = [502, 503, 504].contains(answer.status)
    return CommandFailure(
      Terminal.visible("\(base) answered \(answer.status)\(name): \(detail)"),
      code: isTemporary ? .unavailable : code)
  }
}
