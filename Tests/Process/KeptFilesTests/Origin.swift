import FileServer
import Foundation
import LiveDaemon

/// A server that is Replicate's API for the daemon, and serves files.
///
/// The daemon fetches files from a stand-in of the API on this machine, as from Replicate's hosts.
final class Origin: Sendable {
  typealias Responder = @Sendable (_ request: FileServer.Request, _ number: Int) -> FileServer.Answer

  private struct State {
    var responders: [String: Responder] = [:]
    var counts: [String: Int] = [:]
    var predictions = 0
  }

  private let server: FileServer
  private let state: Guarded<State>

  var url: String { server.origin }

  init() throws {
    let state = Guarded(State())
    self.state = state
    server = try FileServer(isConcurrent: true) { request, _ in
      if request.target.hasPrefix("/v1/") { return Self.answerCall(request, state) }
      let (responder, number) = state.withLock { state in
        defer { state.counts[request.target, default: 0] += 1 }
        return (state.responders[request.target], state.counts[request.target, default: 0])
      }
      return responder?(request, number) ?? FileServer.Answer(404, [], Array("no such file".utf8))
    }
  }

  private static func answerCall(_ request: FileServer.Request, _ state: Guarded<State>) -> FileServer.Answer
  {
    let json = ["Content-Type: application/json"]
    guard request.method == "POST", request.target.hasSuffix("/predictions") else {
      return FileServer.Answer(404, json, Array(#"{"detail":"Not found."}"#.utf8))
    }
    let number = state.withLock { state in
      state.predictions += 1
      return state.predictions
    }
    let time = ISO8601DateFormatter().string(from: Date())
    let body = """
      {"id":"made\(number)","model":"owner/name","version":"hidden","status":"starting","input":{},
      "output":null,"error":null,"logs":"","created_at":"\(time)",
      "urls":{"get":"https://api.replicate.com/v1/predictions/made\(number)"}}
      """
    return FileServer.Answer(201, json, Array(body.utf8))
  }

  /// Sets the answers to requests of a path, which are numbered from 0.
  ///
  /// - Returns: The URL.
  @discardableResult
  func serve(_ path: String, _ respond: @escaping Responder) -> String {
    state.withLock { $0.responders[path] = respond }
    return url + path
  }

  /// Serves a file, with ranges.
  @discardableResult
  func serve(_ path: String, _ bytes: [UInt8], _ fields: [String] = ["Content-Type: image/png"]) -> String {
    serve(path) { request, _ in FileServer.Answer(ranged: bytes, for: request, fields) }
  }

  /// Requests of files, in the order of their arrival.
  var fetches: [FileServer.Request] { server.requests.filter { !$0.target.hasPrefix("/v1/") } }
  var calls: [FileServer.Request] { server.requests.filter { $0.target.hasPrefix("/v1/") } }
  func fetches(of path: String) -> [FileServer.Request] { fetches.filter { $0.target == path } }
}

/// A gate that requests wait at until it is opened.
final class Gate: Sendable {
  private let condition = NSCondition()
  private let isOpen = Guarded(false)

  func open() {
    condition.lock()
    isOpen.withLock { $0 = true }
    condition.broadcast()
    condition.unlock()
  }

  /// Waits for at most a minute.
  func pass() {
    let end = Date(timeIntervalSinceNow: 60)
    condition.lock()
    while !isOpen.withLock({ $0 }), condition.wait(until: end) {}
    condition.unlock()
  }

  /// Opened when it goes, so that no thread waits for a test that has ended.
  deinit { open() }
}
