package import Foundation
internal import LiveDaemon

/// A stand-in for S3 in this process, which believes nothing that it has not checked.
///
/// It serves one bucket, addressed by path, with GET, HEAD, PUT and DELETE of objects. It computes the
/// signature and the digest of the content from the bytes that arrived, and refuses wrong ones as S3 does. So
/// it refuses what some of the services do not know: checksums of other kinds, conditions, unsigned content.
package final class BucketStub: Sendable {
  package struct Object: Equatable, Sendable {
    package let bytes: [UInt8]
    package let type: String

    package init(bytes: [UInt8], type: String) {
      self.bytes = bytes
      self.type = type
    }
  }

  /// A request as it arrived, with the status of its answer.
  package struct Request: Sendable {
    package let method: String
    /// Decoded, without the bucket.
    package let key: String
    package let fields: [String: String]
    /// Nil if no answer was sent.
    package let status: Int?

    /// Such as `PUT sha256/ab/abcd 200`.
    package var line: String { "\(method) \(key) \(status.map(String.init) ?? "-")" }
  }

  package let bucket: String
  package let region: String
  private let listener: Guarded<StubListener>
  private let state: Guarded<State>

  struct State {
    var keys: [String: StubKey]
    var objects: [String: Object] = [:]
    var requests: [Request] = []
    var faults: [(method: String?, fault: BucketFault)] = []
    var standing: BucketFault?
    var secondsAhead: TimeInterval = 0
  }

  /// - Parameters:
  ///   - token: of temporary credentials.
  package init(
    bucket: String = "outputs", region: String = "eu-test-1", keyID: String, secret: String,
    token: String? = nil
  ) throws {
    self.bucket = bucket
    self.region = region
    listener = Guarded(try StubListener(port: 0))
    state = Guarded(State(keys: [keyID: StubKey(secret: secret, token: token)]))
    serve()
  }

  deinit { listener.withLock { $0.close() } }

  package var port: Int { listener.withLock { $0.port } }
  package var endpoint: String { "http://127.0.0.1:\(port)" }

  package var objects: [String: Object] { state.withLock { $0.objects } }
  package var requests: [Request] { state.withLock { $0.requests } }
  package var lines: [String] { requests.map(\.line) }

  /// The next request with `method`, or with any, meets the first of the faults, and so on.
  package func inject(_ faults: [BucketFault], on method: String? = nil) {
    state.withLock { $0.faults += faults.map { (method, $0) } }
  }

  /// Each request that meets no other fault meets this one, until it is nil.
  package func injectAlways(_ fault: BucketFault?) { state.withLock { $0.standing = fault } }

  /// Sets the clock ahead of the machine's, or behind it.
  package func setClock(secondsAhead: TimeInterval) {
    state.withLock { $0.secondsAhead = secondsAhead }
  }

  /// Replaces the keys that are accepted.
  package func setKey(_ keyID: String, secret: String, token: String? = nil) {
    state.withLock { $0.keys = [keyID: StubKey(secret: secret, token: token)] }
  }

  package func put(_ bytes: [UInt8], type: String, at key: String) {
    state.withLock { $0.objects[key] = Object(bytes: bytes, type: type) }
  }

  package func removeAll() {
    state.withLock {
      $0.objects = [:]
      $0.requests = []
    }
  }

  // MARK: connections

  /// Refuses connections, as a machine that is away does, and ends those that are open.
  package func stop() { listener.withLock { $0.close() } }

  /// Listens at the same port again.
  package func restart() throws {
    try listener.withLock { $0 = try StubListener(port: $0.port) }
    serve()
  }

  private func serve() {
    let socket = listener.withLock { $0 }
    Thread.detachNewThread { [weak self] in
      while let connection = socket.accept() {
        Thread.detachNewThread { [weak self] in
          while let request = connection.receive(slowedBy: { self?.takeFault(for: $0) }) {
            guard let self, self.answer(request, on: connection) else { break }
          }
          connection.close()
        }
      }
    }
  }

  private func takeFault(for method: String) -> BucketFault? {
    state.withLock { state in
      guard let index = state.faults.firstIndex(where: { $0.method == nil || $0.method == method }) else {
        return state.standing
      }
      return state.faults.remove(at: index).fault
    }
  }

  /// - Returns: Whether the connection goes on.
  private func answer(_ request: StubRequest, on connection: StubConnection) -> Bool {
    guard !request.isCut else {
      record(request, nil)
      return false
    }
    if case .answer(let status, let error, let more, let fields) = request.fault {
      record(request, status)
      let body = error.map { StubAnswer.document($0, more) } ?? []
      return connection.send(StubAnswer(status: status, fields: fields, body: body), to: request.method)
    }
    let answer = carryOut(request)
    if case .loseAnswer = request.fault {
      record(request, nil)
      return false
    }
    // Before it is sent: then a test that has the answer finds the request, too.
    record(request, answer.status)
    switch request.fault {
    case .cutAnswer(let count):
      connection.send(answer, to: request.method, cutAfter: count)
      return false
    case .delay(let seconds): Thread.sleep(forTimeInterval: seconds)
    default: break
    }
    return connection.send(answer, to: request.method)
  }

  private func key(of request: StubRequest) -> String? {
    let prefix = "/\(bucket)/"
    guard request.decodedPath.hasPrefix(prefix) else { return nil }
    return String(request.decodedPath.dropFirst(prefix.count))
  }

  private func record(_ request: StubRequest, _ status: Int?) {
    let seen = Request(
      method: request.method, key: key(of: request) ?? "", fields: request.fields, status: status)
    state.withLock { $0.requests.append(seen) }
  }

  private func carryOut(_ request: StubRequest) -> StubAnswer {
    state.withLock { state in
      let now = Date().addingTimeInterval(state.secondsAhead)
      do throws(StubRefusal) {
        try SignatureCheck(keys: state.keys, region: region, now: now).check(request)
        guard let key = key(of: request) else { throw StubRefusal(404, "NoSuchBucket") }
        return try respond(to: request, key: key, state: &state)
      } catch {
        return StubAnswer(
          status: error.status, body: StubAnswer.document(error.code, error.more), date: now)
      }
    }
  }

  private func respond(
    to request: StubRequest, key: String, state: inout State
  ) throws(StubRefusal) -> StubAnswer {
    switch request.method {
    case "PUT":
      state.objects[key] = Object(
        bytes: request.body, type: request.fields["content-type"] ?? "binary/octet-stream")
      return StubAnswer(status: 200, fields: [("ETag", StubAnswer.entityTag(request.body))])
    case "DELETE":
      state.objects[key] = nil
      return StubAnswer(status: 204)
    case "GET", "HEAD":
      guard let object = state.objects[key] else { throw StubRefusal(404, "NoSuchKey") }
      return try StubAnswer(object, for: request)
    default: throw StubRefusal(405, "MethodNotAllowed")
    }
  }
}

/// A failure of the stub, in place of what it would do, or after it.
package enum BucketFault: Sendable {
  /// This answer alone, with an error document if there is a code.
  case answer(Int, String?, more: String = "", fields: [(String, String)] = [])
  /// The request is carried out, and answered after that many seconds.
  case delay(TimeInterval)
  /// The content is received at this rate.
  case receiveSlowly(bytesPerSecond: Int)
  /// The connection ends when so many bytes of the content have arrived.
  case cutRequest(after: Int)
  /// A byte of the content is changed on its way.
  case damageContent
  /// The request is carried out, and the connection ends within the answer's content.
  case cutAnswer(after: Int)
  /// The request is carried out, and the connection ends without an answer.
  case loseAnswer
}

struct StubKey {
  let secret: String
  let token: String?
}

/// An error of S3, as an error document names it.
struct StubRefusal: Error {
  let status: Int
  let code: String
  let more: String

  init(_ status: Int, _ code: String, _ more: String = "") {
    self.status = status
    self.code = code
    self.more = more
  }
}
