internal import Bytes
package import Time

/// What the answer of a bucket means for the caller.
package enum S3Answer: Equatable, Sendable {
  /// The object is there, or on DELETE gone.
  case done
  /// There is no such object.
  case absent
  /// Later the same request may succeed.
  case busy(String)
  /// The content was not what its digest said: it is read again before the next try.
  case damaged(String)
  /// Nothing succeeds until the settings of the daemon or the bucket's rights change.
  case denied(String)
  case misconfigured(String)
  /// The bucket takes no more bytes.
  case full(String)
  case tooLarge(String)

  /// - Parameters:
  ///   - body: of the answer, as far as it was read. HEAD has none.
  ///   - date: the value of `Date`.
  ///   - now: the wall clock.
  package init(status: Int, body: [UInt8], date: String? = nil, now: Timestamp) {
    let error = S3ErrorDocument(body)
    let code = error.code ?? "HTTP \(status)"
    switch (status, error.code) {
    case (200..<300, _): self = .done
    case (400, "XAmzContentSHA256Mismatch"), (400, "BadDigest"), (400, "IncompleteBody"),
      (400, "RequestTimeout"):
      self = .damaged(code)
    case (400, "EntityTooLarge"), (413, _): self = .tooLarge(code)
    case (400, "AuthorizationHeaderMalformed"), (301, _), (307, _), (308, _):
      self = .misconfigured(Self.elsewhere(code, error))
    case (507, _), (_, "QuotaExceeded"), (_, "XMinioStorageFull"): self = .full(code)
    case (403, "RequestTimeTooSkewed"): self = .denied(Self.skew(code, date: date, now: now))
    case (401, _), (403, _), (404, "NoSuchBucket"): self = .denied(Self.text(code, error))
    case (404, _): self = .absent
    case (408, _), (409, _), (412, _), (425, _), (429, _): self = .busy(code)
    case (501, _), (400..<500, _): self = .misconfigured(Self.text(code, error))
    default: self = .busy(code)
    }
  }

  private static func text(_ code: String, _ error: S3ErrorDocument) -> String {
    error.message.map { "\(code): \($0)" } ?? code
  }

  private static func elsewhere(_ code: String, _ error: S3ErrorDocument) -> String {
    if let region = error.region { return "\(code): set ARCHIVE_REGION=\(region)" }
    if let endpoint = error.endpoint { return "\(code): the bucket answers at \(endpoint)" }
    return text(code, error)
  }

  private static func skew(_ code: String, date: String?, now: Timestamp) -> String {
    guard let date, let theirs = IMFFixdate.parse(date) else {
      return "\(code): the clock of this machine is wrong"
    }
    let seconds = (now.milliseconds - theirs.milliseconds) / 1000
    return "\(code): the clock of this machine is \(seconds.magnitude) s "
      + (seconds < 0 ? "behind" : "ahead of") + " the bucket's"
  }
}

/// The members of an error document of S3 that this program reads.
///
/// They are searched for in the text: a parser of XML would read more bytes of others than are needed.
struct S3ErrorDocument {
  let code: String?
  let message: String?
  let region: String?
  let endpoint: String?

  /// The most that is read of an answer, in bytes.
  static let maxBytes = 64 * 1024
  private static let maxValueBytes = 256

  init(_ body: [UInt8]) {
    let text = String(decoding: body.prefix(Self.maxBytes), as: UTF8.self)
    code = Self.value(of: "Code", in: text)
    message = Self.value(of: "Message", in: text)
    region = Self.value(of: "Region", in: text)
    endpoint = Self.value(of: "Endpoint", in: text)
  }

  private static func value(of name: String, in text: String) -> String? {
    guard let start = text.firstRange(of: "<\(name)>")?.upperBound,
      let end = text[start...].firstRange(of: "</\(name)>")?.lowerBound
    else { return nil }
    let value = text[start..<end].unicodeScalars.prefix(maxValueBytes).filter { $0.value >= 0x20 }
    return value.isEmpty ? nil : String(String.UnicodeScalarView(value))
  }
}
