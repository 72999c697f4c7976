internal import HTTPWire

/// The content of a streamed response, which is written piece by piece.
///
/// Little is held: a writer waits while its peer does not read. A peer below the minimum rate ends the
/// stream.
package final class ResponseWriter {
  private let exchange: StreamExchange
  private let isChunked: Bool
  /// The bytes that are missing from the declared length; nil without one.
  private var missing: Int?

  init(framing: ResponseFraming, exchange: StreamExchange) {
    self.exchange = exchange
    isChunked = framing == .chunked
    missing = if case .length(let length) = framing { length } else { nil }
  }

  /// Writes `bytes`, which leave at the latest with the next ``flush()``, wait or read.
  ///
  /// More than the declared length is not sent, and abandons the response.
  package func write(_ bytes: [UInt8]) async throws(StreamFailure) {
    if let missing {
      guard bytes.count <= missing else { throw .abandoned }
      self.missing = missing - bytes.count
    }
    // Its writer holds all of a large piece until the peer has taken it.
    let isLarge = bytes.count > Transport.pieceSize
    if isLarge { exchange.notePiece(of: bytes.count) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Transport.pieceSize)
      rest = rest.dropFirst(piece.count)
      exchange.append { if isChunked { ResponseEncoder.appendChunk(piece, to: &$0) } else { $0 += piece } }
      if exchange.pending.count >= Transport.pieceSize { try await exchange.flush() }
    }
    if isLarge { exchange.notePiece(of: 0) }
  }

  /// Sends what was written, and waits until the socket has taken it.
  package func flush() async throws(StreamFailure) {
    try await exchange.flush()
  }

  /// Ends the content.
  func end() async throws(StreamFailure) {
    if let missing, missing > 0 { throw .abandoned }
    if isChunked { exchange.append { ResponseEncoder.appendLastChunk(to: &$0) } }
    try await exchange.flush()
  }
}
