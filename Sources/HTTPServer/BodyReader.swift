internal import HTTPWire

/// The body of a streamed request, which is read piece by piece.
///
/// Bytes leave the socket only when they are read, so a fast sender waits for a slow reader. The sender must
/// keep the minimum rate while it is waited for; time that the reader takes does not count.
package final class BodyReader {
  private enum Rest {
    case none
    /// So many bytes, at least 1.
    case length(Int)
    case chunked(ChunkedDecoder)
  }

  /// The maximum size of a piece.
  package static let maxPieceBytes = Transport.pieceSize

  private let exchange: StreamExchange
  private let limit: Int
  /// Bytes that have arrived and were not read yet; what follows the body is of the next request.
  private(set) var input: [UInt8]
  private var rest: Rest
  private var expectsContinue: Bool

  /// - Parameters:
  ///   - limit: the maximum size of the body, which a declared length does not exceed.
  ///   - input: the bytes that have arrived after the header section.
  init(of head: RequestHead, limit: Int, input: [UInt8], exchange: StreamExchange) {
    self.exchange = exchange
    self.limit = limit
    self.input = input
    rest =
      switch head.bodyFraming {
      case .none, .length(0): .none
      case .length(let length): .length(length)
      case .chunked: .chunked(ChunkedDecoder(limits: exchange.messageLimits, bodyLimit: limit))
      }
    expectsContinue = head.expectsContinue && head.bodyFraming != .none
  }

  /// Reads the next piece; nil after the end of the body.
  ///
  /// A sender that expects `100 Continue` receives it with the first call, or before a streamed response.
  package func read() async throws(StreamFailure) -> [UInt8]? {
    try await sendContinue()
    let piece = try await readPiece()
    exchange.notePiece(of: piece?.count ?? 0)
    return piece
  }

  /// Reads the rest of the body as one piece, which the route's limit bounds.
  package func readAll() async throws(StreamFailure) -> [UInt8] {
    try await sendContinue()
    var bytes: [UInt8] = []
    while let piece = try await readPiece() {
      bytes += piece
      exchange.notePiece(of: bytes.count)
    }
    return bytes
  }

  /// Sends `100 Continue` to a sender that expects it and has sent nothing.
  func sendContinue() async throws(StreamFailure) {
    guard expectsContinue else { return }
    expectsContinue = false
    // A sender that did not wait needs no invitation.
    guard input.isEmpty else { return }
    exchange.append { $0 += ResponseEncoder.continueResponse }
    try await exchange.flush()
  }

  private func readPiece() async throws(StreamFailure) -> [UInt8]? {
    switch rest {
    case .none: return nil
    case .length(let remaining): return try await readPiece(of: remaining)
    case .chunked(let decoder): return try await readChunks(decoder)
    }
  }

  private func readPiece(of remaining: Int) async throws(StreamFailure) -> [UInt8] {
    let size = min(remaining, Self.maxPieceBytes)
    var piece: [UInt8]
    if input.isEmpty {
      piece = try await exchange.receive(limit: size)
    } else {
      piece = Array(input.prefix(size))
      input.removeFirst(piece.count)
    }
    assert(piece.count <= remaining, "a body is longer than its Content-Length")
    rest = piece.count < remaining ? .length(remaining - piece.count) : .none
    return piece
  }

  private func readChunks(_ beginning: ChunkedDecoder) async throws(StreamFailure) -> [UInt8]? {
    var decoder = beginning
    var piece: [UInt8] = []
    // Bounded by the decoder, which rejects a body that exceeds the limit.
    while true {
      let progress: ChunkedDecoder.Progress
      do throws(RequestError) {
        progress = try decoder.decode(input.span, into: &piece)
      } catch {
        throw error == .bodyTooLarge ? .tooLarge(limit: limit) : .malformed(error)
      }
      input.removeFirst(progress.consumed)
      rest = progress.isComplete ? .none : .chunked(decoder)
      if !piece.isEmpty { return piece }
      if progress.isComplete { return nil }
      input += try await exchange.receive(limit: Self.maxPieceBytes - input.count)
    }
  }
}

extension BodyReader {
  /// The number of unread bytes to discard, to keep the connection.
  ///
  /// Nil if it is unknown, or larger than a connection is worth. A sender that still expects `100 Continue`
  /// may send the body or not (RFC 9110 section 10.1.1).
  var bytesWorthSkipping: Int? {
    switch rest {
    case .none: expectsContinue ? nil : 0
    case .length(let remaining):
      remaining <= RequestReceiver.readSize && !expectsContinue ? remaining : nil
    case .chunked: nil
    }
  }
}
