internal import Bytes
internal import ClientAddress
internal import Crypto
internal import Glibc
internal import HTTPClient
package import S3
internal import System
package import Time

/// Files in a bucket, below a prefix of it.
///
/// Its requests are the plainest that there are: no checksums, conditions or parts, which some of the
/// services refuse. The digest of the content is checked before it is signed, and again by most of them.
package final class BucketStore: BlobStore {
  private let bucket: S3Bucket
  private let credentials: Lock<S3Credentials>
  private let clients: ClientPool
  private let publicURL: PublicURL?
  private let now: @Sendable () -> Timestamp

  /// The longest that an upload may take. Slow ones end by their rate.
  private static let transferTimeout = Duration.seconds(6 * 3600)
  private static let minimumRate = MinimumRate(bytesPerSecond: 1024, seconds: 60)
  private static let callTimeout = Duration.seconds(30)
  private static let maxAnswerBytes = 64 * 1024

  /// - Parameters:
  ///   - publicURL: at which others serve the bucket; nil to sign links.
  ///   - usesProxy: whether to use the proxy of the environment.
  ///   - now: the wall clock, which the signatures contain.
  package init(
    _ bucket: S3Bucket, _ credentials: S3Credentials, publicURL: PublicURL? = nil, usesProxy: Bool = true,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.bucket = bucket
    self.credentials = Lock(credentials)
    self.publicURL = publicURL
    self.now = now
    clients = ClientPool(usesProxy: usesProxy)
  }

  /// Signs with other credentials from the next request on.
  package func update(_ credentials: S3Credentials) {
    self.credentials.withLock { $0 = credentials }
  }

  package func store(_ file: SpooledFile, isCanceled: @escaping () -> Bool) -> BlobOutcome {
    do {
      let content = try OpenFile(file.path, O_RDONLY)
      // Most of the services compare the content with the signed digest, and some do not.
      guard try content.size() == file.size, try content.digest(isCanceled: isCanceled) == file.sha256
      else { return .damaged }
      return try upload(content, of: file, isCanceled: isCanceled)
    } catch let error as SystemError {
      return error.number == ENOENT ? .missing : .failed(BlobFailure(error))
    } catch let failure as BlobFailure {
      return .failed(failure)
    } catch {
      return .failed(BlobFailure(.unreachable, "\(error)"))
    }
  }

  package func write(
    _ document: [UInt8], to key: BlobKey, isCanceled: @escaping () -> Bool
  ) throws(BlobFailure) {
    try write(document, to: key.path, type: "application/json", isCanceled: isCanceled)
  }

  package func remove(_ key: BlobKey, isCanceled: @escaping () -> Bool) throws(BlobFailure) {
    try remove(key.path, isCanceled: isCanceled)
  }

  package func contains(
    _ key: BlobKey, size: Int, isCanceled: @escaping () -> Bool
  ) throws(BlobFailure) -> Bool {
    let reply = try send(.head, key.path, isCanceled: isCanceled)
    switch reply.answer {
    case .done: return reply.response.fields["content-length"] == ["\(size)"]
    case .absent: return false
    default: throw reply.failure
    }
  }

  package func probe() throws(BlobFailure) {
    let content = Array(Hexadecimal.encode(RandomBytes.make(16)).utf8)
    let path = ".probe-\(Hexadecimal.encode(RandomBytes.make(8)))"
    try write(content, to: path, type: "text/plain") { false }
    let reply = try send(.get, path) { false }
    guard reply.answer == .done else { throw reply.failure }
    guard reply.response.body == content else {
      throw BlobFailure(.misconfigured, "an object was read that is not the one written")
    }
    try remove(path) { false }
  }

  package func link(
    to key: BlobKey, as head: BlobHead, for seconds: Int, method: String, at now: Timestamp
  ) -> BlobLink? {
    if let url = publicURL(of: key) { return .redirect(url: url) }
    let target = bucket.target(for: key.path)
    let query = signature.query(
      presigning: method, host: target.host, path: target.path,
      query: [
        ("response-content-type", head.type), ("response-content-disposition", head.disposition),
      ],
      for: seconds, at: now)
    return query.map { .redirect(url: "\(target.url)?\($0)") }
  }

  package func publicURL(of key: BlobKey) -> String? {
    publicURL?.url(of: (bucket.prefix.isEmpty ? "" : "\(bucket.prefix)/") + key.path)
  }

  // MARK: requests

  private var signature: SignatureV4 {
    SignatureV4(credentials.withLock { $0 }, region: bucket.region)
  }

  private func upload(
    _ content: borrowing OpenFile, of file: SpooledFile, isCanceled: @escaping () -> Bool
  ) throws -> BlobOutcome {
    let reply = try send(
      .put, file.key.path, type: file.type.isEmpty ? "application/octet-stream" : file.type,
      digest: file.sha256, file: FileContent(descriptor: content.descriptor, count: file.size),
      isCanceled: isCanceled)
    if reply.answer == .done { return .stored }
    // The requests have no condition: one that has failed is a policy's, for objects that are there.
    if reply.response.status == 412, try contains(file.key, size: file.size, isCanceled: isCanceled) {
      return .stored
    }
    throw reply.failure
  }

  private func write(
    _ document: [UInt8], to path: String, type: String, isCanceled: @escaping () -> Bool
  ) throws(BlobFailure) {
    let digest = Hexadecimal.encode(SHA256().digest(of: document.span))
    let reply = try send(
      .put, path, type: type, digest: digest, document: document, isCanceled: isCanceled)
    guard reply.answer == .done else { throw reply.failure }
  }

  private func remove(_ path: String, isCanceled: @escaping () -> Bool) throws(BlobFailure) {
    let reply = try send(.delete, path, isCanceled: isCanceled)
    guard reply.answer == .done || reply.answer == .absent else { throw reply.failure }
  }

  /// Signs a request, and sends it.
  private func send(
    _ method: HTTPClientRequest.Method, _ path: String, type: String? = nil,
    digest: String = SignatureV4.emptyDigest, document: [UInt8]? = nil, file: FileContent? = nil,
    isCanceled: @escaping () -> Bool
  ) throws(BlobFailure) -> Reply {
    let target = bucket.target(for: path)
    let fields = signature.fields(
      signing: method.rawValue, host: target.host, path: target.path,
      fields: type.map { [("Content-Type", $0)] } ?? [], digest: digest, at: now())
    guard let fields else { throw BlobFailure(.misconfigured, "OpenSSL has no HMAC-SHA256") }
    var request = HTTPClientRequest(
      method, target.url, fields: fields.map { "\($0.name): \($0.value)" }, body: document)
    request.file = file
    request.maxBodyBytes = Self.maxAnswerBytes
    request.truncatesBody = true
    request.wantedFields = ["content-length", "date"]
    request.timeout = file == nil ? Self.callTimeout : Self.transferTimeout
    request.minimumRate = Self.minimumRate
    request.addresses = bucket.isSecure ? .everyAddress : .privateAddresses
    do {
      return Reply(try clients.send(request, isCanceled: isCanceled), now: now())
    } catch {
      guard !isCanceled() else { throw BlobFailure(.canceled, "canceled") }
      throw BlobFailure(.unreachable, "\(target.host): \(error)")
    }
  }
}

/// The answer of a bucket, with the response that it is read from.
private struct Reply {
  let response: HTTPClientResponse
  let answer: S3Answer
  private let retryAfter: Duration?

  private static let maxRetryAfterSeconds = 3600

  init(_ response: HTTPClientResponse, now: Timestamp) {
    self.response = response
    answer = S3Answer(
      status: response.status, body: response.body, date: response.fields["date"]?.first, now: now)
    // The other form of the field, a date, is of no use where a clock may be wrong.
    retryAfter = response.retryAfter.flatMap(Int.init).flatMap {
      (0...Self.maxRetryAfterSeconds).contains($0) ? .seconds($0) : nil
    }
  }

  /// The reason that the object is not there, or not gone.
  var failure: BlobFailure {
    let (code, text): (BlobFailure.Code, String) =
      switch answer {
      case .done: (.unreachable, "an answer of success came too late")
      case .absent: (.unreachable, "there is no such object")
      case .busy(let text), .damaged(let text): (.unreachable, text)
      case .denied(let text): (.denied, text)
      case .misconfigured(let text): (.misconfigured, text)
      case .full(let text): (.full, text)
      case .tooLarge(let text): (.tooLarge, text)
      }
    return BlobFailure(code, text, retryAfter: retryAfter)
  }
}
