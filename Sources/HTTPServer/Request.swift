package import HTTPWire

/// A complete request.
package struct Request: Sendable {
  package let head: RequestHead
  /// The content after transfer decoding, byte for byte.
  package let body: [UInt8]
  package let peer: Peer
}
