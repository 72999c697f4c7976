import BlobStores
import BucketStub
import Foundation
import Testing
import Time

/// What each answer of a bucket does.
@Suite struct BucketAnswerTests {
  private let spool: Spool
  private let stub: BucketStub

  init() throws {
    spool = try Spool()
    stub = try TestKey.stub()
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let status: Int
    let error: String?
    var more = ""
    let code: BlobFailure.Code
    let message: String

    var testDescription: String { "\(status) \(error ?? "")" }
  }

  static let rows = [
    Row(status: 400, error: "BadDigest", code: .unreachable, message: "BadDigest"),
    Row(status: 400, error: "IncompleteBody", code: .unreachable, message: "IncompleteBody"),
    Row(status: 400, error: "RequestTimeout", code: .unreachable, message: "RequestTimeout"),
    Row(
      status: 400, error: "AuthorizationHeaderMalformed", more: "<Region>eu-west-1</Region>",
      code: .misconfigured, message: "AuthorizationHeaderMalformed: set ARCHIVE_REGION=eu-west-1"),
    Row(
      status: 301, error: "PermanentRedirect", more: "<Endpoint>s3.other.test</Endpoint>",
      code: .misconfigured, message: "PermanentRedirect: the bucket answers at s3.other.test"),
    Row(status: 307, error: nil, code: .misconfigured, message: "HTTP 307"),
    Row(
      status: 400, error: "InvalidArgument", more: "<Message>Unsupported header</Message>",
      code: .misconfigured, message: "InvalidArgument: Unsupported header"),
    Row(
      status: 501, error: "NotImplemented", more: "<Message>no</Message>", code: .misconfigured,
      message: "NotImplemented: no"),
    Row(status: 401, error: nil, code: .denied, message: "HTTP 401"),
    Row(
      status: 403, error: "AccessDenied", more: "<Message>no</Message>", code: .denied,
      message: "AccessDenied: no"),
    Row(
      status: 403, error: "ExpiredToken", more: "<Message>no</Message>", code: .denied,
      message: "ExpiredToken: no"),
    Row(
      status: 404, error: "NoSuchBucket", more: "<Message>no</Message>", code: .denied,
      message: "NoSuchBucket: no"),
    Row(status: 404, error: "NoSuchKey", code: .unreachable, message: "there is no such object"),
    Row(status: 409, error: "OperationAborted", code: .unreachable, message: "OperationAborted"),
    Row(status: 412, error: "PreconditionFailed", code: .unreachable, message: "PreconditionFailed"),
    Row(status: 413, error: nil, code: .tooLarge, message: "HTTP 413"),
    Row(status: 400, error: "EntityTooLarge", code: .tooLarge, message: "EntityTooLarge"),
    Row(status: 429, error: nil, code: .unreachable, message: "HTTP 429"),
    Row(status: 500, error: "InternalError", code: .unreachable, message: "InternalError"),
    Row(status: 502, error: nil, code: .unreachable, message: "HTTP 502"),
    Row(status: 503, error: "SlowDown", code: .unreachable, message: "SlowDown"),
    Row(status: 504, error: nil, code: .unreachable, message: "HTTP 504"),
    Row(status: 507, error: nil, code: .full, message: "HTTP 507"),
    Row(status: 403, error: "QuotaExceeded", code: .full, message: "QuotaExceeded"),
    Row(status: 500, error: "XMinioStorageFull", code: .full, message: "XMinioStorageFull"),
  ]

  @Test(arguments: rows)
  func `an answer decides between a retry, a pause and an end`(_ row: Row) throws {
    let store = try BucketStore(stub)
    let file = try spool.file([1, 2, 3])
    stub.inject([.answer(row.status, row.error, more: row.more)], on: "PUT")
    let failure = BlobFailure(row.code, row.message)
    #expect(store.store(file, isCanceled: never) == .failed(failure))
    let pauses: [BlobFailure.Code] = [.full, .denied, .misconfigured]
    #expect(failure.pause == (pauses.contains(row.code) ? .seconds(60) : nil))
    #expect(stub.objects.isEmpty)
    stub.inject([.answer(row.status, row.error, more: row.more)], on: "PUT")
    #expect(throws: failure) {
      try store.write([1], to: .manifest(job: "a"), isCanceled: never)
    }
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(stub.objects.count == 1)
  }

  @Test(arguments: [200, 201, 204])
  func `an answer of success means that the file is stored`(_ status: Int) throws {
    stub.inject([.answer(status, nil)], on: "PUT")
    #expect(try BucketStore(stub).store(try spool.file([1]), isCanceled: never) == .stored)
  }

  @Test func `a condition that failed is fine where the object is there`() throws {
    let store = try BucketStore(stub)
    let file = try spool.file([1, 2, 3])
    stub.put([1, 2], type: "image/png", at: file.key.path)
    stub.inject([.answer(412, "PreconditionFailed")], on: "PUT")
    #expect(
      store.store(file, isCanceled: never) == .failed(BlobFailure(.unreachable, "PreconditionFailed")))
    stub.put([1, 2, 3], type: "image/png", at: file.key.path)
    stub.inject([.answer(412, "PreconditionFailed")], on: "PUT")
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(stub.lines.map { String($0.prefix { $0 != " " }) } == ["PUT", "HEAD", "PUT", "HEAD"])
  }

  @Test(arguments: [("7", Duration.seconds(7)), ("0", .zero), ("-1", nil), ("3601", nil), ("soon", nil)])
  func `the time that a busy bucket names is passed on`(_ text: String, _ time: Duration?) throws {
    stub.inject([.answer(503, "SlowDown", fields: [("Retry-After", text)])])
    let outcome = try BucketStore(stub).store(try spool.file([1]), isCanceled: never)
    #expect(outcome == .failed(BlobFailure(.unreachable, "SlowDown", retryAfter: time)))
  }

  @Test func `HEAD has no document, and its status decides`() throws {
    let store = try BucketStore(stub)
    stub.inject([.answer(403, nil), .answer(400, nil), .answer(503, nil), .answer(404, nil)], on: "HEAD")
    for failure in [
      BlobFailure(.denied, "HTTP 403"), BlobFailure(.misconfigured, "HTTP 400"),
      BlobFailure(.unreachable, "HTTP 503"),
    ] {
      #expect(throws: failure) {
        try store.contains(.content(sha256: "ab"), size: 1, isCanceled: never)
      }
    }
    #expect(try !store.contains(.content(sha256: "ab"), size: 1, isCanceled: never))
  }

  // MARK: credentials and clocks

  @Test func `a wrong secret is denied until the right one is read`() throws {
    let store = try BucketStore(stub, secret: "another")
    let file = try spool.file([1])
    guard case .failed(let failure) = store.store(file, isCanceled: never) else {
      Issue.record("stored with a wrong secret")
      return
    }
    #expect(failure.code == .denied && failure.message.hasPrefix("SignatureDoesNotMatch"))
    store.update(TestKey.credentials())
    #expect(store.store(file, isCanceled: never) == .stored)
  }

  @Test func `temporary credentials send their token, signed`() throws {
    let stub = try TestKey.stub(token: "tok/en+1==")
    let store = try BucketStore(stub, token: "tok/en+1==")
    let file = try spool.file([1])
    #expect(store.store(file, isCanceled: never) == .stored)
    guard
      case .redirect(let url) = store.link(
        to: file.key, as: BlobHead(type: "image/png", disposition: "inline"), for: 60,
        at: BucketStore.wallClock())
    else {
      Issue.record("no link")
      return
    }
    #expect(try Fetched(url).status == 200)
    store.update(TestKey.credentials(token: "old"))
    guard case .failed(let failure) = store.store(file, isCanceled: never) else {
      Issue.record("stored with another token")
      return
    }
    #expect(failure.code == .denied && failure.message.hasPrefix("InvalidToken"))
  }

  @Test func `another region is named by the bucket`() throws {
    let store = try BucketStore(stub, region: "us-east-1")
    let failure = BlobFailure(
      .misconfigured, "AuthorizationHeaderMalformed: set ARCHIVE_REGION=eu-test-1")
    #expect(store.store(try spool.file([1]), isCanceled: never) == .failed(failure))
  }

  @Test(arguments: [1200.0, -1200.0])
  func `a clock that is wrong is denied, with the difference`(_ seconds: TimeInterval) throws {
    stub.setClock(secondsAhead: seconds)
    guard case .failed(let failure) = try BucketStore(stub).store(try spool.file([1]), isCanceled: never)
    else {
      Issue.record("stored with a wrong clock")
      return
    }
    #expect(failure.code == .denied)
    #expect(failure.message.hasPrefix("RequestTimeTooSkewed: the clock of this machine is "))
    #expect(failure.message.hasSuffix(seconds > 0 ? " s behind the bucket's" : " s ahead of the bucket's"))
    let number = failure.message.split(separator: " ").compactMap { Int($0) }.first
    #expect(number.map { (1190...1210).contains($0) } == true)
    stub.setClock(secondsAhead: 0)
    #expect(try BucketStore(stub).store(try spool.file([1]), isCanceled: never) == .stored)
  }

  // MARK: the probe

  @Test func `the probe writes, reads and removes an object`() throws {
    try BucketStore(stub, prefix: "p").probe()
    #expect(stub.requests.map(\.method) == ["PUT", "GET", "DELETE"])
    #expect(Set(stub.requests.map(\.key)).count == 1)
    #expect(stub.requests[0].key.hasPrefix("p/.probe-"))
    #expect(stub.objects.isEmpty)
  }

  @Test(arguments: [
    ("PUT", 403, BlobFailure.Code.denied), ("GET", 403, .denied), ("DELETE", 403, .denied),
    ("PUT", 501, .misconfigured), ("PUT", 503, .unreachable), ("GET", 404, .unreachable),
  ])
  func `a probe fails with the step that fails`(
    _ method: String, _ status: Int, _ code: BlobFailure.Code
  ) throws {
    stub.inject([.answer(status, nil)], on: method)
    let error = #expect(throws: BlobFailure.self) { try BucketStore(stub).probe() }
    #expect(error?.code == code)
    #expect(stub.requests.last?.method == method)
  }

  @Test func `a probe that reads other bytes fails`() throws {
    stub.inject([.answer(200, nil)], on: "GET")
    let error = #expect(throws: BlobFailure.self) { try BucketStore(stub).probe() }
    #expect(error?.code == .misconfigured)
  }
}
