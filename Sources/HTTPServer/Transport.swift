internal import EventLoop
internal import TLS

/// The bytes of one connection, with or without TLS: what was received, and what is still to be sent. Used on its loop
/// only.
final class Transport {
  private let socket: Socket
  private var session: TLSSession?
  /// Bytes that were received before it was known whose they are.
  private var returned: [UInt8] = []
  /// Bytes that the socket has not taken yet, from `sentCount` on.
  private var outgoing: [UInt8] = []
  private var sentCount = 0

  /// Takes over an accepted descriptor; closes it where it cannot be watched.
  init(adopting descriptor: Int32, on loop: EventLoop) throws(SystemError) {
    socket = try Socket(adopting: descriptor, on: loop)
  }

  /// What to pass to ``EventLoop/interrupt(_:)`` to end a wait of this connection.
  var waitingPlace: Waiter { socket.waitingPlace }

  /// Waits for bytes; but first for the socket to take what we owe the peer, for that may be what it waits for.
  func readable(until deadline: MonotonicTime) async -> WaitOutcome {
    while unsentCount > 0 {
      guard flush() == .wouldBlock else { break }
      let outcome = await socket.writable(until: deadline)
      guard outcome == .ready else { return outcome }
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
    defer { sendAnswersOfTLS() }
    // Bounded, for records can hold nothing: what is left is found readable at the next turn.
    for _ in 0..<Self.recordReads {
      switch session?.read(into: &buffer, limit: limit) {
      case .transferred(let count): return .transferred(count)
      case .closed, nil: return .endOfStream
      case .failed: return .broken(Self.brokenTLS)
      case .needsMore: break
      }
      let arrived = feedSession()
      guard case .transferred = arrived else { return arrived }
    }
    return .wouldBlock
  }

  /// Gives back bytes that were received and belong to what follows: they are received again first.
  func giveBack(_ bytes: [UInt8]) {
    returned = bytes + returned
  }

  /// Receives at most `limit` bytes of whatever comes, and forgets them.
  func discard(limit: Int) -> TransferResult {
    var sink: [UInt8] = []
    return receiveRaw(into: &sink, limit: limit)
  }

  private func receiveRaw(into buffer: inout [UInt8], limit: Int) -> TransferResult {
    guard !returned.isEmpty else { return socket.receive(into: &buffer, limit: limit) }
    let count = min(limit, returned.count)
    buffer += returned.prefix(count)
    returned.removeFirst(count)
    return .transferred(count)
  }

  /// Times that ciphertext is read before others have their turn.
  private static let recordReads = 16
  /// EPROTO: what TLS calls by another name, the loop counts as a broken connection.
  private static let brokenTLS = SystemError(call: "TLS", number: 71)
}

// MARK: - Sending

extension Transport {
  /// Bytes that wait for the socket.
  var unsentCount: Int { outgoing.count - sentCount }

  /// Takes `bytes` to be sent by ``flush()``.
  func enqueue(_ bytes: consuming [UInt8]) {
    guard session == nil else {
      // A session that fails here fails at the next read too, and its connection ends there.
      _ = session?.write(bytes[...])
      takeOutgoingOfTLS()
      return
    }
    if unsentCount == 0 {
      outgoing = bytes
      sentCount = 0
    } else {
      outgoing += bytes
    }
  }

  /// Sends what the socket takes, without waiting: `.transferred` once nothing is left.
  func flush() -> TransferResult {
    while unsentCount > 0 {
      switch socket.send(outgoing[sentCount...]) {
      case .transferred(let count): sentCount += count
      case let result: return result
      }
    }
    // An idle connection holds no memory of its own.
    defer { (outgoing, sentCount) = ([], 0) }
    return .transferred(sentCount)
  }

  /// Says that nothing more will be sent, so that the peer can read everything before the connection ends.
  func shutdownSending() {
    session?.close()
    sendAnswersOfTLS()
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
  func shakeHands() -> Handshake {
    // Ends with the bytes that have arrived; the session refuses a handshake that is too long.
    while true {
      let progress = session?.handshake() ?? .complete
      sendAnswersOfTLS()
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
    let result = receiveRaw(into: &ciphertext, limit: TLSSession.longestReceive)
    if case .transferred = result { session?.receive(ciphertext.span) }
    return result
  }

  /// Flights of the handshake, alerts, tickets and the answers to key updates, which come up at any time. What the socket
  /// does not take is sent before the next wait.
  private func sendAnswersOfTLS() {
    takeOutgoingOfTLS()
    if unsentCount > 0 { _ = flush() }
  }

  private func takeOutgoingOfTLS() {
    session?.takeOutgoing(into: &outgoing)
  }
}
