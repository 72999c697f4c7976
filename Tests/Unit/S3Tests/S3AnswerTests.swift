import Testing
import Time

@testable import S3

@Suite struct S3AnswerTests {
  static let now = Timestamp(rfc3339: "2026-09-01T12:30:45Z") ?? .distantFuture

  static func document(_ code: String, _ more: String = "") -> String {
    "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>No.</Message>\(more)</Error>"
  }

  static let rows: [(Int, String, S3Answer)] = [
    (200, "", .done), (201, "", .done), (204, "", .done),
    (400, document("XAmzContentSHA256Mismatch"), .damaged("XAmzContentSHA256Mismatch")),
    (400, document("BadDigest"), .damaged("BadDigest")),
    (400, document("IncompleteBody"), .damaged("IncompleteBody")),
    (400, document("RequestTimeout"), .damaged("RequestTimeout")),
    (
      400, document("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
      .misconfigured("AuthorizationHeaderMalformed: set ARCHIVE_REGION=eu-west-1")
    ),
    (
      301, document("PermanentRedirect", "<Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint>"),
      .misconfigured("PermanentRedirect: the bucket answers at b.s3-eu-west-1.amazonaws.com")
    ),
    (307, "", .misconfigured("HTTP 307")),
    (400, document("InvalidArgument"), .misconfigured("InvalidArgument: No.")),
    (501, document("NotImplemented"), .misconfigured("NotImplemented: No.")),
    (401, "", .denied("HTTP 401")), (403, document("AccessDenied"), .denied("AccessDenied: No.")),
    (403, document("SignatureDoesNotMatch"), .denied("SignatureDoesNotMatch: No.")),
    (404, document("NoSuchBucket"), .denied("NoSuchBucket: No.")), (404, document("NoSuchKey"), .absent),
    (404, "", .absent), (409, document("OperationAborted"), .busy("OperationAborted")),
    (412, document("PreconditionFailed"), .busy("PreconditionFailed")), (413, "", .tooLarge("HTTP 413")),
    (400, document("EntityTooLarge"), .tooLarge("EntityTooLarge")), (429, "", .busy("HTTP 429")),
    (500, document("InternalError"), .busy("InternalError")), (503, document("SlowDown"), .busy("SlowDown")),
    (504, "<html>", .busy("HTTP 504")), (507, "", .full("HTTP 507")),
    (403, document("QuotaExceeded"), .full("QuotaExceeded")),
    (500, document("XMinioStorageFull"), .full("XMinioStorageFull")), (100, "", .busy("HTTP 100")),
  ]

  @Test(arguments: rows)
  func anAnswerSaysWhatToDo(_ status: Int, _ body: String, _ answer: S3Answer) {
    #expect(S3Answer(status: status, body: Array(body.utf8), now: Self.now) == answer)
  }

  @Test(arguments: [
    ("Tue, 01 Sep 2026 12:10:45 GMT", "1200 s ahead of the bucket's"),
    ("Tue, 01 Sep 2026 12:50:45 GMT", "1200 s behind the bucket's"), ("yesterday", "wrong"),
  ])
  func aWrongClockIsNamedWithItsDistance(_ date: String, _ words: String) {
    let answer = S3Answer(
      status: 403, body: Array(Self.document("RequestTimeTooSkewed").utf8), date: date, now: Self.now)
    guard case .denied(let text) = answer else {
      Issue.record("\(answer)")
      return
    }
    #expect(text.hasSuffix(words))
  }

  @Test(arguments: [
    "<Code>", "</Code><Code>", "<Code></Code>", "<Code>\u{0}\u{1b}</Code>",
    String(repeating: "x", count: S3ErrorDocument.maxBytes) + "<Code>A</Code>",
  ])
  func otherTextsHaveNoCode(_ text: String) {
    #expect(S3ErrorDocument(Array(text.utf8)).code == nil)
  }

  @Test func longMessagesAreCut() {
    let text = "<Code>A\u{1b}[31m</Code><Message>\(String(repeating: "é", count: 5000))</Message>"
    let document = S3ErrorDocument(Array(text.utf8))
    #expect(document.code == "A[31m")
    #expect(document.message?.unicodeScalars.count == 256)
  }
}
