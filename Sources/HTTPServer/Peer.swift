package import EventLoop

/// Who is at the other end of a connection.
package struct Peer: Equatable, Sendable {
  /// The socket's own peer: a proxy, where one stands between.
  package let address: SocketAddress

  package init(address: SocketAddress) {
    self.address = address
  }
}

typealias ClientKey = String
