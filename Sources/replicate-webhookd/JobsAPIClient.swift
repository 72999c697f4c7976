import ArgumentParser
import Console
import Daemon
import EventLoop
import HTTPClient
internal import JobsAPI
import JSONText
internal import Settings

/// Options that locate the jobs API of a running daemon.
struct JobsAPIOptions: ParsableArguments {
  @Option(help: "Base URL of the jobs API. (default: the address in API_LISTEN)")
  var api: String?

  @OptionGroup var settings: SettingsOptions

  /// - Parameter isCanceled: see ``BlockingHTTPClient``.
  func client(isCanceled: @escaping @Sendable () -> Bool = { false }) throws -> JobsAPIClient {
    var reader = try settings.reader()
    let base = try api ?? LocalURL.of(reader.read(ListenerSettings.apiAddresses))
    guard let base else {
      throw CommandFailure(
        "API_LISTEN has no port: send requests to the unix socket with curl --unix-socket, "
          + "or name another address with --api",
        code: .config)
    }
    return try JobsAPIClient(
      base: base, token: reader.read(AccessSettings.firstToken), isCanceled: isCanceled)
  }
}

/// A client of the jobs API of a running daemon.
struct JobsAPIClient {
  private let base: String
  private let token: String?
  private let client: BlockingHTTPClient

  init(base: String, token: String?, isCanceled: @escaping @Sendable () -> Bool) throws {
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    self.token = token
    do throws(HTTPClientError) {
      // A token of API_TOKENS belongs to the daemon; a proxy must not receive it.
      client = try BlockingHTTPClient(usesProxy: false, isCanceled: isCanceled)
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }

  func url(of path: String) -> String { base + path }

  /// The body of a 200 response.
  ///
  /// - Throws: a failure with the daemon's explanation, after any other status.
  func get(_ path: String) throws(CommandFailure) -> [UInt8] {
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
  func send(
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
  func failure(of answer: HTTPClientResponse, code: ExitStatus = .failure) -> CommandFailure {
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
