/// A method (RFC 9110 section 9), case-sensitive.
package struct Method: Hashable, Sendable {
  package let name: String

  package init(_ name: String) {
    self.name = name
  }

  package static let get = Method("GET")
  package static let head = Method("HEAD")
  package static let post = Method("POST")
  package static let delete = Method("DELETE")
  package static let options = Method("OPTIONS")

  /// Whether RFC 9110 section 9.3 or RFC 5789 defines the method.
  ///
  /// A server responds 405 to a standard method that a resource does not support, and 501 to any other (RFC
  /// 9110 section 9.1).
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

/// The parsed request line and header section of one request.
///
/// A class, because it is passed through many functions. Each of their frames would hold several copies, and
/// an idle connection keeps that memory.
package final class RequestHead: Sendable {
  package let method: Method
  package let target: RequestTarget
  /// 1 or 0. A higher minor version is served as 1 (RFC 9110 section 2.5).
  package let minorVersion: Int
  package let fields: Fields
  /// The requested host and port; empty if HTTP/1.0 sent none.
  ///
  /// The authority of a target in absolute form, else the value of Host.
  package let host: String
  package let bodyFraming: BodyFraming
  /// Whether the connection persists after the response (RFC 9112 section 9.3).
  package let isPersistent: Bool
  /// Whether the sender expects `100 Continue` (RFC 9110 section 10.1.1).
  package let expectsContinue: Bool
  /// The length of the header section in the buffer.
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
