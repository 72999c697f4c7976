/// A response. The server adds length, date and connection options.
package struct Response: Sendable {
  package var status: Status
  package var fields: [(name: String, value: String)]
  package var body: [UInt8]

  package init(status: Status, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

/// The head of a response whose content follows piece by piece.
package struct ResponseHead: Sendable {
  package var status: Status
  package var fields: [(name: String, value: String)]
  /// The number of bytes of the content; nil if it is unknown before the end.
  package var contentLength: Int?

  package init(
    status: Status, fields: [(name: String, value: String)] = [], contentLength: Int? = nil
  ) {
    self.status = status
    self.fields = fields
    self.contentLength = contentLength
  }
}

/// How the content of a response is delimited (RFC 9112 section 6.3).
package enum ResponseFraming: Hashable, Sendable {
  /// The status forbids content.
  case none
  case length(Int)
  case chunked
  /// The content ends with the connection: the length is unknown, and HTTP/1.0 has no chunks.
  case close

  /// - Parameter minorVersion: that of the request.
  package init(of head: ResponseHead, minorVersion: Int) {
    if head.status.forbidsContent {
      self = .none
    } else if let length = head.contentLength {
      self = .length(length)
    } else {
      self = minorVersion == 0 ? .close : .chunked
    }
  }
}
