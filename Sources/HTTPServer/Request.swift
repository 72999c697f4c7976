package import HTTPWire

/// One request, received whole.
package struct Request: Sendable {
  package let head: RequestHead
  /// The content after any transfer coding was undone, byte for byte.
  package let body: [UInt8]
  package let peer: Peer
}
