/// A listening socket of a server, with the protocols on it.
package struct ServerSocket: Sendable {
  package let descriptor: Int32
  /// Every connection starts with a PROXY header, which names the client.
  package let expectsProxyHeader: Bool

  /// Every connection uses TLS, after the PROXY header.
  package let usesTLS: Bool

  package init(descriptor: Int32, expectsProxyHeader: Bool = false, usesTLS: Bool = false) {
    self.descriptor = descriptor
    self.usesTLS = usesTLS
    self.expectsProxyHeader = expectsProxyHeader
  }
}
