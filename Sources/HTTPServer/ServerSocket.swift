/// A listening socket that a server is to serve, and what its connections begin with.
package struct ServerSocket: Sendable {
  package let descriptor: Int32
  /// Every connection begins with a PROXY header, which says who the client is.
  package let expectsProxyHeader: Bool

  /// Then every connection speaks TLS.
  package let usesTLS: Bool

  package init(descriptor: Int32, expectsProxyHeader: Bool = false, usesTLS: Bool = false) {
    self.descriptor = descriptor
    self.usesTLS = usesTLS
    self.expectsProxyHeader = expectsProxyHeader
  }
}
