internal import Bytes

/// Writes answers as RFC 9112 section 4 has them.
package enum ResponseEncoder {
  /// The interim answer that lets a sender with `Expect: 100-continue` go on (RFC 9110 section 15.2.1).
  package static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// What the answer says of its connection (RFC 9112 section 9.3).
  package enum ConnectionOption: Sendable {
    /// Nothing follows on this connection.
    case close
    /// An HTTP/1.0 sender closes unless it is told that the connection stays.
    case keepAlive
    /// The connection stays, as is usual.
    case none
  }

  /// Appends `response` to `buffer`.
  ///
  /// - Parameters:
  ///   - method: of the request; nil where none could be read.
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

  /// RFC 9110 section 9.3.2: the answer to HEAD has the fields of GET and no content.
  package static func hasContent(_ response: Response, answering method: Method?) -> Bool {
    !response.body.isEmpty && !response.status.forbidsContent && method != .head
  }

  /// Appends all that stands before the content.
  package static func appendHead(
    of response: Response, to buffer: inout [UInt8], date: [UInt8], connection: ConnectionOption
  ) {
    buffer.append(literal: "HTTP/1.1 ")
    buffer.append(number: response.status.code)
    buffer.append(.space)
    buffer.append(text: response.status.reasonPhrase)
    buffer.append(literal: "\r\nDate: ")
    buffer.append(contentsOf: date)
    for (name, value) in response.fields {
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
    if !response.status.forbidsContent {
      buffer.append(literal: "\r\nContent-Length: ")
      buffer.append(number: response.body.count)
    }
    buffer.append(literal: "\r\n\r\n")
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

  /// A value that input could reach must not end its line: what a field cannot hold becomes a space.
  fileprivate mutating func append(fieldValue: String) {
    let start = count
    append(text: fieldValue)
    for index in start..<count where !self[index].isFieldValueCharacter { self[index] = .space }
  }
}
