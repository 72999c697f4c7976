/// Writes answers as RFC 9112 section 4 has them.
package enum ResponseEncoder {
  /// The interim answer that lets a sender with `Expect: 100-continue` go on (RFC 9110 section 15.2.1).
  package static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// Appends `response` to `buffer`.
  ///
  /// - Parameters:
  ///   - head: the request; nil where none could be read.
  ///   - date: the value of `Date` (``IMFFixdate``).
  ///   - closing: nothing follows on this connection.
  package static func append(
    _ response: Response, to buffer: inout [UInt8], answering head: RequestHead?, date: [UInt8], closing: Bool
  ) {
    buffer.reserveCapacity(buffer.count + 256 + response.body.count)
    buffer.append(text: "HTTP/1.1 ")
    buffer.append(number: response.status.code)
    buffer.append(.space)
    buffer.append(text: response.status.reasonPhrase)
    buffer.append(text: "\r\nDate: ")
    buffer.append(contentsOf: date)
    for (name, value) in response.fields {
      buffer.append(text: "\r\n")
      buffer.append(text: name)
      buffer.append(text: ": ")
      buffer.append(fieldValue: value)
    }
    if closing {
      buffer.append(text: "\r\nConnection: close")
    } else if head?.minorVersion == 0 {
      // RFC 9112 section 9.3: an HTTP/1.0 sender closes unless it is told that the connection stays.
      buffer.append(text: "\r\nConnection: keep-alive")
    }
    if !response.status.forbidsContent {
      buffer.append(text: "\r\nContent-Length: ")
      buffer.append(number: response.body.count)
    }
    buffer.append(text: "\r\n\r\n")
    // RFC 9110 section 9.3.2: the answer to HEAD has the fields of GET and no content.
    guard !response.status.forbidsContent, head?.method != .head else { return }
    buffer.append(contentsOf: response.body)
  }
}

extension [UInt8] {
  fileprivate mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  fileprivate mutating func append(number: Int) {
    append(contentsOf: String(number).utf8)
  }

  /// A value that input could reach must not end its line: what a field cannot hold becomes a space.
  fileprivate mutating func append(fieldValue: String) {
    for byte in fieldValue.utf8 { append(byte.isFieldValueCharacter ? byte : .space) }
  }
}
