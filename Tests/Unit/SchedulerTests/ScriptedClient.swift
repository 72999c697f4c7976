import HTTPClient
import HTTPWire
@testable import Replicate
@testable import System

/// A provider that answers by a script, in no time or when the test says so.
final class ScriptedClient: HTTPClient {
  struct Request: Sendable {
    /// Method and target.
    let line: String
    /// The segments of its path.
    let path: [String]
    let body: String
    /// The number of requests with the same line that came before.
    let before: Int
  }

  enum Answer: Sendable {
    case response(HTTPClientResponse)
    case failure(HTTPClientError)
    /// The answer comes with ``release(_:_:)``.
    case held
  }

  typealias Script = @Sendable (Request) -> Answer
  private typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

  private struct State {
    var requests: [Request] = []
    var held: [(line: String, continuation: UnsafeContinuation<Outcome, Never>)] = []
  }

  private let state = Lock(State())
  private let script: Script

  static let base = "https://api.example"

  init(_ script: @escaping Script) {
    self.script = script
  }

  var requests: [Request] { state.withLock { $0.requests } }
  var lines: [String] { requests.map(\.line) }
  /// The calls in flight.
  var held: [String] { state.withLock { $0.held.map(\.line) } }

  func api() throws -> ReplicateClient {
    guard let token = APIToken("r8_of_a_stand_in") else { throw HTTPClientError.unsent("no token") }
    return ReplicateClient(base: Self.base, token: token, client: self)
  }

  func send(_ request: HTTPClientRequest) async -> Result<HTTPClientResponse, HTTPClientError> {
    let target = request.url.dropFirst(Self.base.count)
    let line = "\(request.method.rawValue) \(target)"
    let body = String(decoding: request.body ?? [], as: UTF8.self)
    let noted = state.withLock { state in
      let before = state.requests.count { $0.line == line }
      let path = target.prefix { $0 != "?" }.split(separator: "/").map(String.init)
      state.requests.append(Request(line: line, path: path, body: body, before: before))
      return state.requests[state.requests.count - 1]
    }
    switch script(noted) {
    case .response(let response): return .success(response)
    case .failure(let error): return .failure(error)
    case .held:
      return await withTaskCancellationHandler {
        await withUnsafeContinuation { continuation in
          state.withLock { $0.held.append((line, continuation)) }
        }
      } onCancel: {
        _ = release(line, .failure(.unanswered("canceled")))
      }
    }
  }

  /// Answers the first call in flight whose line begins so.
  ///
  /// - Returns: false if there is none.
  @discardableResult
  func release(_ line: String, _ answer: Answer) -> Bool {
    let found = state.withLock { state in
      state.held.firstIndex { $0.line.hasPrefix(line) }.map { state.held.remove(at: $0).continuation }
    }
    switch answer {
    case .response(let response): found?.resume(returning: .success(response))
    case .failure(let error): found?.resume(returning: .failure(error))
    case .held: break
    }
    return found != nil
  }
}

extension ScriptedClient.Answer {
  static func json(_ body: String, _ status: Status = .ok, retryAfter: String? = nil) -> Self {
    .response(HTTPClientResponse(status: status.code, retryAfter: retryAfter, body: Array(body.utf8)))
  }
}
