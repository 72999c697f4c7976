/// A method (RFC 9110 section 9), case-sensitive.
package struct Method: Hashable, Sendable {
  package let name: String

  package init(_ name: String) {
    self.name = name
  }

  package static let get = Method("GET")
  package static let head = Method("HEAD")
  package static let post = Method("POST")
  package static let options = Method("OPTIONS")

  /// Those that RFC 9110 section 9.3 and RFC 5789 define. A server answers 405 to one of them that a resource does not
  /// have, and 501 to any other (RFC 9110 section 9.1).
  package var isStandard: Bool {
    switch name {
    case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH": true
    default: false
    }
  }
}

/// How a body is delimited (RFC 9112 section 6.3).
package enum BodyFraming: Hashable, Sendable {
  case none
  case length(Int)
  case chunked
}

/// Everything before the body of one request, understood.
///
/// A class, for it goes through many functions, and the frame of each of them would have room for several copies: a
/// connection holds on to that room when it is idle.
package final class RequestHead: Sendable {
  package let method: Method
  package let target: RequestTarget
  /// 1 or 0. A minor version that is higher than ours is served as ours (RFC 9110 section 2.5).
  package let minorVersion: Int
  package let fields: Fields
  /// Of the target in absolute form, else of Host; empty where HTTP/1.0 sent none.
  package let host: String
  package let bodyFraming: BodyFraming
  /// The sender wants the connection to stay open (RFC 9112 section 9.3).
  package let isPersistent: Bool
  /// The sender waits for a word before it sends the body (RFC 9110 section 10.1.1).
  package let expectsContinue: Bool
  /// How many bytes of the buffer the header section took.
  package let byteCount: Int

  init(
    method: Method, target: RequestTarget, minorVersion: Int, fields: Fields, host: String,
    bodyFraming: BodyFraming, isPersistent: Bool, expectsContinue: Bool, byteCount: Int
  ) {
    self.method = method
    self.target = target
    self.minorVersion = minorVersion
    self.fields = fields
    self.host = host
    self.bodyFraming = bodyFraming
    self.isPersistent = isPersistent
    self.expectsContinue = expectsContinue
    self.byteCount = byteCount
  }
}
