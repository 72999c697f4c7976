internal import Bytes
internal import HTTPWire
internal import Time

/// A file with its validators, which answers conditional and range requests (RFC 9110 sections 13 and 14).
struct FileResponse {
  let content: FileContent
  let contentType: String
  /// With its quotes; nil for none.
  let entityTag: String?
  let modifiedAt: Instant
  /// Further fields of every answer.
  let fields: [(name: String, value: String)]
  var acceptsRanges = true
  /// The bytes that are announced, and are not there.
  var missingCount = 0
  private var announcedCount: Int { content.count + missingCount }

  /// The head of an answer, and the bytes of the file that follow.
  struct Answer {
    var head: ResponseHead
    /// Empty where the answer has no content, but after HEAD.
    let range: Range<Int>
  }

  /// The answer to a GET or HEAD request.
  func answer(to request: RequestHead) -> Answer {
    let date = String(decoding: IMFFixdate.format(unixSeconds: modifiedAt.seconds), as: UTF8.self)
    let validators =
      (entityTag.map { [("ETag", $0)] } ?? []) + [("Last-Modified", date)]
      + (acceptsRanges ? [("Accept-Ranges", "bytes")] : []) + fields.map { ($0.name, $0.value) }
    if isUnchanged(request.fields, date: date) {
      return Answer(head: ResponseHead(status: .notModified, fields: validators), range: 0..<0)
    }
    // RFC 9110 section 14.2: a range has a meaning for GET alone. RFC 9110 section 13.1.5: without the
    // validator of If-Range the whole file is sent.
    let condition = request.fields.first("if-range")
    guard acceptsRanges, request.method == .get,
      condition == nil || condition == entityTag || condition == date,
      case .one(let text) = request.fields.single("range"), let range = ByteRange(text)
    else {
      let fields = validators + [("Content-Type", contentType)]
      return Answer(
        head: ResponseHead(status: .ok, fields: fields, contentLength: announcedCount),
        range: 0..<announcedCount)
    }
    guard let part = range.bytes(of: announcedCount) else {
      let fields = validators + [("Content-Range", "bytes */\(announcedCount)")]
      return Answer(
        head: ResponseHead(status: .rangeNotSatisfiable, fields: fields, contentLength: 0), range: 0..<0)
    }
    let fields =
      validators + [
        ("Content-Type", contentType),
        ("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(announcedCount)"),
      ]
    return Answer(
      head: ResponseHead(status: .partialContent, fields: fields, contentLength: part.count), range: part)
  }

  /// The same as a whole.
  func response(to request: RequestHead) -> Response {
    let answer = answer(to: request)
    return Response(
      status: answer.head.status, fields: answer.head.fields, body: content.bytes(in: answer.range))
  }

  /// Whether the client has this file (RFC 9110 sections 13.1.2 and 13.1.3).
  ///
  /// Only the exact date is compared, because the file never changes.
  private func isUnchanged(_ fields: Fields, date: String) -> Bool {
    guard fields.contains("if-none-match") else { return fields.first("if-modified-since") == date }
    return fields.listMembers("if-none-match").contains {
      $0 == "*" || entityTag.map { [$0, "w/" + $0] }?.contains($0) == true
    }
  }
}

/// The only range of a `Range` field (RFC 9110 section 14.1.2).
enum ByteRange: Equatable {
  /// From an offset to another, both included; to the end without the second.
  case from(Int, through: Int?)
  /// The last bytes.
  case suffix(Int)

  /// Nil for several ranges, another unit or no range. Such a field is ignored.
  init?(_ text: String) {
    let unit = "bytes="
    guard text.lowercased().hasPrefix(unit) else { return nil }
    let parts = text.dropFirst(unit.count).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    switch (Self.number(parts[0]), Self.number(parts[1])) {
    case (let first?, let last?):
      guard first <= last else { return nil }
      self = .from(first, through: last)
    case (let first?, nil):
      guard parts[1].isEmpty else { return nil }
      self = .from(first, through: nil)
    case (nil, let count?):
      guard parts[0].isEmpty else { return nil }
      self = .suffix(count)
    case (nil, nil): return nil
    }
  }

  /// The range in a file of `count` bytes; nil if none of its bytes exist.
  func bytes(of count: Int) -> Range<Int>? {
    switch self {
    case .from(let first, let last):
      first < count ? first..<min(last ?? count - 1, count - 1) + 1 : nil
    case .suffix(let length):
      length > 0 && count > 0 ? max(0, count - length)..<count : nil
    }
  }

  private static func number(_ text: Substring) -> Int? {
    (1...18).contains(text.utf8.count) && text.utf8.allSatisfy { $0.decimalDigit != nil } ? Int(text) : nil
  }
}
