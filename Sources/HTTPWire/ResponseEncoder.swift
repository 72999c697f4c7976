internal import Bytes

/// Serializes responses (RFC 9112 section 4).
package enum ResponseEncoder {
  /// The interim response to a sender with `Expect: 100-continue` (RFC 9110 section 15.2.1).
  package static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// The response's connection option (RFC 9112 section 9.3).
  package enum ConnectionOption: Sendable {
    /// The connection closes after this response.
    case close
    /// The connection persists. An HTTP/1.0 client closes without this option.
    case keepAlive
    /// The connection persists, which is the default of HTTP/1.1.
    case none
  }

  /// Appends `response` to `buffer`.
  ///
  /// - Parameters:
  ///   - method: the method of the request; nil if none could be read.
  ///   - date: the value of `Date` (``IMFFixdate``).
  package static func append(
    _ response: Response, to buffer: inout [UInt8], answering method: Method?, date: [UInt8],
    connection: ConnectionOption
  ) {
    let hasContent = hasContent(response, answering: method)
    buffer.reserveCapacity(buffer.count + 256 + (hasContent ? response.body.count : 0))
    appendHead(of: response, to: &buffer, date: date, connection: connection)
    if hasContent { buffer.append(contentsOf: response.body) }
  }

  /// Whether the response has content.
  ///
  /// A response to HEAD has the fields of GET and no content (RFC 9110 section 9.3.2).
  package static func hasContent(_ response: Response, answering method: Method?) -> Bool {
    !response.body.isEmpty && !response.status.forbidsContent && method != .head
  }

  /// Appends the status line and the header section.
  package static func appendHead(
    of response: Response, to buffer: inout [UInt8], date: [UInt8], connection: ConnectionOption
  ) {
    appendStart(response.status, response.fields, to: &buffer, date: date, connection: connection)
    if !response.status.forbidsContent { appendLength(response.body.count, to: &buffer) }
    buffer.append(literal: "\r\n\r\n")
  }

  @inline(__always)
  private static func appendStart(
    _ status: Status, _ fields: [(name: String, value: String)], to buffer: inout [UInt8], date: [UInt8],
    connection: ConnectionOption
  ) {
    buffer.append(literal: "HTTP/1.1 ")
    buffer.append(number: status.code)
    buffer.append(.space)
    buffer.append(text: status.reasonPhrase)
    buffer.append(literal: "\r\nDate: ")
    buffer.append(contentsOf: date)
    for (name, value) in fields {
      buffer.append(literal: "\r\n")
      buffer.append(text: name)
      buffer.append(literal: ": ")
      buffer.append(fieldValue: value)
    }
    switch connection {
    case .close: buffer.append(literal: "\r\nConnection: close")
    case .keepAlive: buffer.append(literal: "\r\nConnection: keep-alive")
    case .none: break
    }
  }

  @inline(__always)
  private static func appendLength(_ count: Int, to buffer: inout [UInt8]) {
    buffer.append(literal: "\r\nContent-Length: ")
    buffer.append(number: count)
  }
}

// MARK: - Content piece by piece

extension ResponseEncoder {
  /// Appends the head of a response whose content follows piece by piece.
  package static func appendHead(
    of head: ResponseHead, framing: ResponseFraming, to buffer: inout [UInt8], date: [UInt8],
    connection: ConnectionOption
  ) {
    appendStart(head.status, head.fields, to: &buffer, date: date, connection: connection)
    switch framing {
    case .length(let count): appendLength(count, to: &buffer)
    case .chunked: buffer.append(literal: "\r\nTransfer-Encoding: chunked")
    case .none, .close: break
    }
    buffer.append(literal: "\r\n\r\n")
  }

  /// Appends `content` as one chunk. An empty one would end the body, and is left out.
  package static func appendChunk(_ content: ArraySlice<UInt8>, to buffer: inout [UInt8]) {
    guard !content.isEmpty else { return }
    buffer.append(hexadecimal: content.count)
    buffer.append(literal: "\r\n")
    buffer.append(contentsOf: content)
    buffer.append(literal: "\r\n")
  }

  /// Appends the end of a chunked body, without trailers.
  package static func appendLastChunk(to buffer: inout [UInt8]) {
    buffer.append(literal: "0\r\n\r\n")
  }

  /// Whether the response to a request has content.
  package static func hasContent(_ head: ResponseHead, answering method: Method) -> Bool {
    !head.status.forbidsContent && method != .head
  }
}

extension [UInt8] {
  fileprivate mutating func append(literal: StaticString) {
    literal.withUTF8Buffer { append(contentsOf: $0) }
  }

  fileprivate mutating func append(text: String) {
    text.utf8Span.span.withUnsafeBufferPointer { append(contentsOf: $0) }
  }

  /// `number` is not negative.
  fileprivate mutating func append(number: Int) {
    if number > 9 { append(number: number / 10) }
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }

  /// `number` is not negative.
  fileprivate mutating func append(hexadecimal number: Int) {
    if number > 15 { append(hexadecimal: number / 16) }
    let digit = UInt8(number % 16)
    append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }

  /// Appends a field value. Characters that a field cannot hold become spaces, so that no input can end the
  /// line.
  fileprivate mutating func append(fieldValue: String) {
    let start = count
    append(text: fieldValue)
    for index in start..<count where !self[index].isFieldValueCharacter { self[index] = .space }
  }
}
