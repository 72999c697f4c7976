internal import EventLoop
internal import System
internal import TLS
internal import Time

/// The byte stream of one connection, with or without TLS.
///
/// It buffers unread input and pending output. Used on its loop only. The exclusivity of its queues is not
/// checked at run time: no access calls back.
final class Transport {
  private let socket: Socket
  private var session: TLSSession?
  /// Input that was put back by ``unread(_:)``.
  private var unreadBytes: [UInt8] = []
  /// The bytes that the socket takes next.
  @exclusivity(unchecked) private var outgoing = OutputQueue()
  /// The rest of a long response, which follows ``outgoing``.
  ///
  /// It is encrypted piece by piece, as the socket takes it.
  @exclusivity(unchecked) private var unencoded = OutputQueue()
  /// The reason TLS has failed, once it has.
  private(set) var tlsFailure: TLSError?

  /// The maximum bytes sent or encrypted at once, before others have their turn.
  static let pieceSize = 64 * 1024

  /// Takes ownership of an accepted descriptor; closes it if it cannot be watched.
  init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    socket = try Socket(adopting: descriptor, on: loop)
  }

  /// The handle to pass to ``EventLoop/interrupt(_:)``, which ends a wait for this connection.
  var waitHandle: WaitHandle { socket.waitHandle }

  /// Flushes pending output, then waits for input.
  ///
  /// The peer may be waiting for that output before it sends.
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

  /// Whether the peer has shut down its sending side, or the connection broke.
  var isHungUp: Bool { socket.isHungUp }

  /// Waits until ``isHungUp``, without reading.
  func hangUp(until deadline: MonotonicTime) async -> WaitOutcome {
    await socket.hangUp(until: deadline)
  }
}

// MARK: - Receiving

extension Transport {
  /// Appends at most `limit` bytes that have arrived to `buffer`, without blocking.
  func receive(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard session != nil else { return receiveRaw(into: &buffer, limit: limit) }
    defer { flushTLSOutput() }
    // One read of ciphertext, even if it holds no data: the rest is found readable in the next turn.
    if let result = decrypt(into: &buffer, limit: limit) { return result }
    let arrived = feedSession()
    guard case .transferred = arrived else { return arrived }
    return decrypt(into: &buffer, limit: limit) ?? .wouldBlock
  }

  /// Nil if more ciphertext is needed.
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

  /// Puts received bytes back in front of the input.
  func unread(_ bytes: [UInt8]) {
    unreadBytes = bytes + unreadBytes
  }

  /// Receives and discards at most `limit` bytes.
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

  /// EPROTO: to the loop a TLS failure is a broken connection.
  private static let tlsFailureError = SystemError(call: "TLS", number: 71)
}

// MARK: - Sending

extension Transport {
  /// The number of bytes waiting for the socket.
  var unsentCount: Int { outgoing.count + unencoded.count }
  /// The memory that they take, encrypted or not.
  var heldBytes: Int { outgoing.heldBytes + unencoded.heldBytes }

  /// Queues `bytes` for ``flush()``; large buffers are not copied.
  func enqueue(_ bytes: consuming [UInt8]) {
    guard bytes.count <= Self.pieceSize, unencoded.count == 0 else { return unencoded.append(bytes) }
    if session == nil {
      outgoing.append(bytes)
    } else {
      // A session that fails here fails at the next read too, and its connection ends there.
      _ = encrypt(bytes[...])
    }
  }

  /// Sends one piece, as far as the socket takes it, without blocking.
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

  /// Shuts down the sending side.
  ///
  /// The peer then reads to the end of the data.
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
    /// More bytes are needed.
    case wouldBlock
    /// The peer has left.
    case ended
    case failed(TLSError)
  }

  /// Starts TLS: all following bytes are records.
  func beginTLS(_ context: TLSContext) throws(TLSError) {
    session = try TLSSession(context)
  }

  /// Stops TLS: everything that follows is sent in the clear.
  ///
  /// Used for a peer that sent a request in the clear.
  func endTLS() {
    session = nil
  }

  /// Continues the handshake as far as the bytes that have arrived allow.
  func performHandshake() -> Handshake {
    // Ends with the bytes that have arrived; the session rejects a handshake that is too long.
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

  /// Passes received ciphertext to the session.
  ///
  /// An end without close_notify is treated as any other. Every message declares its own length, so
  /// truncation cannot go unnoticed.
  private func feedSession() -> TransferResult {
    var ciphertext: [UInt8] = []
    let result = receiveRaw(into: &ciphertext, limit: TLSSession.maxReceiveBytes)
    if case .transferred = result { session?.receive(ciphertext.span) }
    return result
  }

  /// Sends the session's own output: handshake flights, alerts, tickets, answers to key updates.
  ///
  /// These come up at any time. What the socket does not take is sent before the next wait.
  private func flushTLSOutput() {
    takeTLSOutput()
    if outgoing.count > 0 { _ = flush() }
  }

  private func takeTLSOutput() {
    outgoing.append { session?.takeOutgoing(into: &$0) }
  }
}
