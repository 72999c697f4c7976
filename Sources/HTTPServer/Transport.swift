internal import EventLoop
internal import System
internal import TLS
internal import Time

/// The bytes of one connection, with or without TLS: what was received, and what is still to be sent. Used on its loop
/// only.
final class Transport {
  private let socket: Socket
  private var session: TLSSession?
  /// Bytes that were received before it was known whose they are.
  private var unreadBytes: [UInt8] = []
  /// What the socket takes next.
  private var outgoing = OutputQueue()
  /// The rest of a long answer, behind that: encrypted piece by piece, as the socket takes it.
  private var unencoded = OutputQueue()
  /// Why TLS has failed, once it has.
  private(set) var tlsFailure: TLSError?

  /// Bytes sent, or encrypted, at once: others have their turn before the next.
  static let pieceSize = 64 * 1024

  /// Takes over an accepted descriptor; closes it where it cannot be watched.
  init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    socket = try Socket(adopting: descriptor, on: loop)
  }

  /// What to pass to ``EventLoop/interrupt(_:)`` to end a wait of this connection.
  var waitHandle: WaitHandle { socket.waitHandle }

  /// Waits for bytes; but first for the socket to take what we owe the peer, for that may be what it waits for.
  func readable(until deadline: MonotonicTime) async -> WaitOutcome {
    while outgoing.count > 0 {
      switch flush() {
      case .transferred: continue
      case .endOfStream, .broken: return await socket.readable(until: deadline)
      case .wouldBlock:
        let outcome = await socket.writable(until: deadline)
        guard outcome == .ready else { return outcome }
      }
    }
    return await socket.readable(until: deadline)
  }

  func writable(until deadline: MonotonicTime) async -> WaitOutcome {
    await socket.writable(until: deadline)
  }
}

// MARK: - Receiving

extension Transport {
  /// Appends at most `limit` bytes that have arrived to `buffer`, without waiting.
  func receive(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard session != nil else { return receiveRaw(into: &buffer, limit: limit) }
    defer { flushTLSOutput() }
    // One read of ciphertext, even if it holds no data: the rest is found readable in the next turn.
    if let result = decrypt(into: &buffer, limit: limit) { return result }
    let arrived = feedSession()
    guard case .transferred = arrived else { return arrived }
    return decrypt(into: &buffer, limit: limit) ?? .wouldBlock
  }

  /// Nil where ciphertext is wanting.
  private func decrypt(into buffer: inout [UInt8], limit: Int) -> TransferResult? {
    switch session?.read(into: &buffer, limit: limit) {
    case .transferred(let count): return .transferred(count)
    case .needsMore: return nil
    case .closed, nil: return .endOfStream
    case .failed(let error):
      tlsFailure = error
      return .broken(Self.tlsFailureError)
    }
  }

  /// Gives back bytes that were received and belong to what follows: they are received again first.
  func unread(_ bytes: [UInt8]) {
    unreadBytes = bytes + unreadBytes
  }

  /// Receives at most `limit` bytes of whatever comes, and forgets them.
  func discard(limit: Int) -> TransferResult {
    var sink: [UInt8] = []
    return receiveRaw(into: &sink, limit: limit)
  }

  private func receiveRaw(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard !unreadBytes.isEmpty else { return socket.receive(into: &buffer, limit: limit) }
    let count = min(limit, unreadBytes.count)
    buffer += unreadBytes.prefix(count)
    unreadBytes.removeFirst(count)
    return .transferred(count)
  }

  /// EPROTO: what TLS calls by another name, the loop counts as a broken connection.
  private static let tlsFailureError = SystemError(call: "TLS", number: 71)
}

// MARK: - Sending

extension Transport {
  /// Bytes that wait for the socket.
  var unsentCount: Int { outgoing.count + unencoded.count }
  /// Memory that they take, encrypted or not.
  var heldBytes: Int { outgoing.heldBytes + unencoded.heldBytes }

  /// Takes `bytes` to be sent by ``flush()``; many of them without a copy.
  func enqueue(_ bytes: consuming [UInt8]) {
    guard bytes.count <= Self.pieceSize, unencoded.count == 0 else { return unencoded.append(bytes) }
    if session == nil {
      outgoing.append(bytes)
    } else {
      // A session that fails here fails at the next read too, and its connection ends there.
      _ = encrypt(bytes[...])
    }
  }

  /// Sends a piece, without waiting: as much as the socket takes of it.
  func flush() -> TransferResult {
    guard outgoing.count > 0 || encodeNext() else { return .broken(Self.tlsFailureError) }
    guard outgoing.count > 0 else { return .transferred(0) }
    let result = socket.send(outgoing.prefix(Self.pieceSize))
    if case .transferred(let count) = result { outgoing.removeFirst(count) }
    return result
  }

  /// False where TLS has failed.
  private func encodeNext() -> Bool {
    guard unencoded.count > 0 else { return true }
    guard session != nil else {
      swap(&outgoing, &unencoded)
      return true
    }
    let piece = unencoded.prefix(Self.pieceSize)
    guard encrypt(piece) else { return false }
    unencoded.removeFirst(piece.count)
    return true
  }

  /// False where TLS has failed.
  private func encrypt(_ bytes: ArraySlice<UInt8>) -> Bool {
    let result = session?.write(bytes)
    takeTLSOutput()
    return result == .written
  }

  /// Says that nothing more will be sent, so that the peer can read everything before the connection ends.
  func shutdownSending() {
    session?.close()
    flushTLSOutput()
    socket.shutdownSending()
  }
}

// MARK: - TLS

extension Transport {
  enum Handshake: Equatable {
    case complete
    /// It goes on when more bytes have come.
    case wouldBlock
    /// The peer has left.
    case ended
    case failed(TLSError)
  }

  /// From now on all bytes are those of TLS.
  func beginTLS(_ context: TLSContext) throws(TLSError) {
    session = try TLSSession(context)
  }

  /// Everything that follows is sent in the clear: for a peer that has spoken in the clear itself.
  func endTLS() {
    session = nil
  }

  /// Goes on with the handshake as far as the bytes that have arrived allow.
  func performHandshake() -> Handshake {
    // Ends with the bytes that have arrived; the session refuses a handshake that is too long.
    while true {
      let progress = session?.handshake() ?? .complete
      flushTLSOutput()
      switch progress {
      case .complete: return .complete
      case .failed(let error): return .failed(error)
      case .needsMore: break
      }
      switch feedSession() {
      case .transferred: continue
      case .wouldBlock: return .wouldBlock
      case .endOfStream, .broken: return .ended
      }
    }
  }

  /// Hands what has arrived to the session. An end without close_notify is an end like any other: a message says itself
  /// how long it is, so none can be cut short unnoticed.
  private func feedSession() -> TransferResult {
    var ciphertext: [UInt8] = []
    let result = receiveRaw(into: &ciphertext, limit: TLSSession.maxReceiveBytes)
    if case .transferred = result { session?.receive(ciphertext.span) }
    return result
  }

  /// Flights of the handshake, alerts, tickets and the answers to key updates, which come up at any time. What the socket
  /// does not take is sent before the next wait.
  private func flushTLSOutput() {
    takeTLSOutput()
    if outgoing.count > 0 { _ = flush() }
  }

  private func takeTLSOutput() {
    outgoing.append { session?.takeOutgoing(into: &$0) }
  }
}
