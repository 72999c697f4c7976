internal import Bytes

/// `method SP request-target SP HTTP-version` (RFC 9112 section 3), with single spaces.
struct RequestLine {
  let method: Method
  let target: RequestTarget
  let minorVersion: Int

  /// The maximum bytes of a request line besides its target.
  static let maxOverheadBytes = 64
  static let maxMethodBytes = 32

  init(_ line: Range<Int>, in buffer: Span<UInt8>, targetLimit: Int) throws(RequestError) {
    var methodEnd = line.lowerBound
    while methodEnd < line.upperBound, buffer[methodEnd].isTokenCharacter { methodEnd += 1 }
    guard methodEnd > line.lowerBound, methodEnd < line.upperBound, buffer[methodEnd] == .space else {
      throw .malformedRequestLine
    }
    guard methodEnd - line.lowerBound <= Self.maxMethodBytes else { throw .malformedMethod }
    method = Method(buffer.string(line.lowerBound..<methodEnd))

    let targetStart = methodEnd + 1
    var targetEnd = targetStart
    while targetEnd < line.upperBound, buffer[targetEnd] != .space { targetEnd += 1 }
    guard targetEnd > targetStart, targetEnd < line.upperBound else { throw .malformedRequestLine }
    guard targetEnd - targetStart <= targetLimit else { throw .targetTooLong }
    minorVersion = try Self.minorVersion(targetEnd + 1..<line.upperBound, in: buffer)
    target = try RequestTarget(parsing: targetStart..<targetEnd, of: buffer, method: method)
  }

  /// RFC 9112 section 2.3: `HTTP/` and two digits with a dot, case-sensitive.
  private static func minorVersion(_ range: Range<Int>, in buffer: Span<UInt8>) throws(RequestError) -> Int {
    let nameEnd = range.lowerBound + 5
    guard range.count == 8, buffer.string(range.lowerBound..<nameEnd) == "HTTP/" else {
      throw .malformedRequestLine
    }
    let (major, dot, minor) = (buffer[nameEnd], buffer[nameEnd + 1], buffer[nameEnd + 2])
    guard major.isDigit, dot == UInt8(ascii: "."), minor.isDigit else { throw .malformedRequestLine }
    guard major == UInt8(ascii: "1") else { throw .unsupportedVersion }
    return min(Int(minor - UInt8(ascii: "0")), 1)
  }
}

extension RequestLine {
  /// The request head of this line and its fields.
  func head(with fields: Fields, byteCount: Int) throws(RequestError) -> RequestHead {
    let host = try host(of: fields)
    let framing = try bodyFraming(of: fields)
    return RequestHead(
      method: method, target: target, minorVersion: minorVersion, fields: fields, host: host,
      bodyFraming: framing, isPersistent: isPersistent(fields), expectsContinue: try expectsContinue(fields),
      byteCount: byteCount)
  }

  private func host(of fields: Fields) throws(RequestError) -> String {
    let field: String
    switch fields.single("host") {
    case .repeated:
      throw .repeatedHost
    case .none:
      guard minorVersion == 0 else { throw .missingHost }
      field = ""
    case .one(let host):
      guard HostField.isValid(host) else { throw .malformedHost }
      field = host
    }
    guard let authority = target.authority else { return field }
    // RFC 9110 section 4.2.1: an http URL has a host, although a Host field may be empty.
    guard HostField.isValid(authority), !authority.hasPrefix(":") else { throw .malformedTarget }
    return authority
  }

  private func bodyFraming(of fields: Fields) throws(RequestError) -> BodyFraming {
    let length = fields.single("content-length")
    guard fields.contains("transfer-encoding") else {
      switch length {
      case .none: return .none
      case .one(let text): return .length(try Self.contentLength(text))
      // RFC 9112 section 6.3 allows identical values. They are rejected here, because no sound sender repeats
      // the field.
      case .repeated: throw .repeatedContentLength
      }
    }
    guard length == .none else { throw .lengthAndTransferCoding }
    guard minorVersion == 1 else { throw .transferCodingOnHTTP10 }
    let codings = fields.listMembers("transfer-encoding")
    if codings == ["chunked"] { return .chunked }
    // RFC 9112 section 6.1: 501 for a coding that is not understood; 400 where chunked is not the final one.
    guard codings.allSatisfy({ $0 == "chunked" }) else { throw .unknownTransferCoding }
    throw .malformedTransferCoding
  }

  private static func contentLength(_ text: String) throws(RequestError) -> Int {
    guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit), let length = Int(text) else {
      throw .malformedContentLength
    }
    return length
  }

  private func isPersistent(_ fields: Fields) -> Bool {
    let options = fields.listMembers("connection")
    if options.contains("close") { return false }
    return minorVersion == 1 || options.contains("keep-alive")
  }

  private func expectsContinue(_ fields: Fields) throws(RequestError) -> Bool {
    let expectations = fields.listMembers("expect")
    guard expectations.allSatisfy({ $0 == "100-continue" }) else { throw .unknownExpectation }
    // RFC 9110 section 10.1.1: a server ignores the expectation of an HTTP/1.0 request.
    return !expectations.isEmpty && minorVersion == 1
  }
}
