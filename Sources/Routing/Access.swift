package import HTTPWire

/// An access rule of a route, and the check that enforces it.
///
/// `Credentials` is what the check finds in the header section, for the route's handler.
package struct Access<Credentials> {
  package let kind: AccessKind
  let check: (RequestHead, PathParameters) throws(Problem) -> Credentials

  /// - Parameter check: receives the parameters of the route's path.
  package init(
    _ kind: AccessKind, check: @escaping (RequestHead, PathParameters) throws(Problem) -> Credentials
  ) {
    self.kind = kind
    self.check = check
  }

  package init(_ kind: AccessKind, check: @escaping (RequestHead) throws(Problem) -> Credentials) {
    self.init(kind) { head, _ throws(Problem) in try check(head) }
  }
}

extension Access {
  /// The same access, with what `parse` finds in the header section after the check.
  package func parsing<Parsed>(
    _ parse: @escaping (RequestHead, Credentials) throws(Problem) -> Parsed
  ) -> Access<Parsed> {
    Access<Parsed>(kind) { head, path throws(Problem) in try parse(head, try check(head, path)) }
  }
}

extension Access where Credentials == Void {
  package func parsing<Parsed>(
    _ parse: @escaping (RequestHead) throws(Problem) -> Parsed
  ) -> Access<Parsed> {
    parsing { head, _ throws(Problem) in try parse(head) }
  }

  /// Everybody may use the route.
  package static var open: Self { Self(.open) { _, _ in } }
}

/// The kinds of access, as the API's description names them.
package enum AccessKind: Sendable {
  case open
  /// A signature over the delivery.
  ///
  /// Its fields are checked first, and the signature once the body has arrived.
  case deliverySignature
  /// A bearer token; without configured tokens, a direct request from this machine.
  case apiToken
  /// As ``apiToken``, or the token of the one job that the path names.
  case readToken
  /// A token in the body, or a session's cookie, which the route itself checks.
  case session
}
