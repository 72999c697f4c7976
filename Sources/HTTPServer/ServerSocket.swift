/// A listening socket that a server is to serve, and what its connections begin with.
package struct ServerSocket: Sendable {
  package let descriptor: Int32
  /// Every connection begins with a PROXY header, which says who the client is.
  package let expectsProxyHeader: Bool

  package init(descriptor: Int32, expectsProxyHeader: Bool = false) {
    self.descriptor = descriptor
    self.expectsProxyHeader = expectsProxyHeader
  }
}
