import Bytes
import Crypto
import Foundation

/// An answer of the stub.
struct StubAnswer {
  let status: Int
  var fields: [(String, String)] = []
  var body: [UInt8] = []
  var date = Date()

  /// An object, or a part of it.
  init(_ object: BucketStub.Object, for request: StubRequest) throws(StubRefusal) {
    let parameters = Dictionary(
      CanonicalQuery.pairs(of: request.query).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let size = object.bytes.count
    var range = 0..<size
    if let text = request.fields["range"] {
      guard let part = Self.range(text, of: size) else { throw StubRefusal(416, "InvalidRange") }
      range = part
      fields.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"))
    }
    status = range.count == size ? 200 : 206
    body = Array(object.bytes[range])
    fields.append(("Content-Type", parameters["response-content-type"] ?? object.type))
    fields.append(("ETag", Self.entityTag(object.bytes)))
    if let disposition = parameters["response-content-disposition"] {
      fields.append(("Content-Disposition", disposition))
    }
  }

  init(status: Int, fields: [(String, String)] = [], body: [UInt8] = [], date: Date = Date()) {
    self.status = status
    self.fields = fields
    self.body = body
    self.date = date
  }

  /// Status line and fields, with the empty line behind them.
  var head: [UInt8] {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    var lines = [
      "HTTP/1.1 \(status) \(status < 300 ? "OK" : "Refused")", "Date: \(format.string(from: date))",
    ]
    if status != 204 { lines.append("Content-Length: \(body.count)") }
    lines += fields.map { "\($0.0): \($0.1)" }
    return Array((lines + ["", ""]).joined(separator: "\r\n").utf8)
  }

  /// An error document (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
  static func document(_ code: String, _ more: String = "") -> [UInt8] {
    let text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code>"
      + (more.contains("<Message>") ? "" : "<Message>The stand-in refuses it.</Message>")
      + "\(more)<RequestId>STUB</RequestId></Error>"
    return Array(text.utf8)
  }

  static func entityTag(_ bytes: [UInt8]) -> String {
    "\"\(Hexadecimal.encode(SHA256().digest(of: bytes.span)).prefix(32))\""
  }

  private static func range(_ text: String, of size: Int) -> Range<Int>? {
    guard text.hasPrefix("bytes=") else { return nil }
    let ends = text.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2 else { return nil }
    switch (Int(ends[0]), Int(ends[1])) {
    case (let first?, let last?): return first < size && first <= last ? first..<min(size, last + 1) : nil
    case (let first?, nil): return first < size ? first..<size : nil
    case (nil, let count?): return count > 0 && size > 0 ? max(0, size - count)..<size : nil
    default: return nil
    }
  }
}
