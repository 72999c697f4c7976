internal import EventLoop
internal import HTTPWire
internal import Time

/// The connection of one stream: its bytes both ways, and its waits.
///
/// Everything that waits for the peer ends when the connection is evicted or the server aborts.
final class StreamExchange {
  private let context: ServerContext
  /// Nil after the end, so that a handler that keeps its request does not keep the socket.
  private var transport: Transport?
  private let entry: ConnectionEntry
  private var inbound: StallAllowance
  private var outbound: StallAllowance
  /// Output that is not sent yet: small writes leave together.
  private(set) var pending: [UInt8] = []
  /// The content has no known end, so a shutdown does not wait for its reader.
  var isEndless = false
  private var pieceBytes = 0
  private var operationsThisTurn = 0
  private var bytesThisTurn = 0
  private var isWaiting = false
  private var isSignaled = false
  private var hasReportedDraining = false
  private let generation: Int

  init(context: ServerContext, transport: Transport, entry: ConnectionEntry) {
    self.context = context
    self.transport = transport
    self.entry = entry
    generation = context.streamGeneration
    inbound = StallAllowance(context.limits.minBodyRate)
    outbound = StallAllowance(context.limits.minWriteRate)
  }

  var isDraining: Bool { context.endsStreams || context.streamGeneration != generation }
  var messageLimits: MessageLimits { context.limits.message }

  /// Ends the stream. Nothing can be read or written any more.
  func end() {
    transport = nil
  }

  @discardableResult
  private func requireOpen() throws(StreamFailure) -> Transport {
    if entry.isEvicted { throw .evicted }
    guard let transport, context.phase != .aborting else { throw .aborted }
    return transport
  }

  /// Counts a transfer, and yields to other connections where this one has had its share of the turn.
  private func noteTransfer(of count: Int) async throws(StreamFailure) {
    context.noteSent(count, for: entry)
    (operationsThisTurn, bytesThisTurn) = (operationsThisTurn + 1, bytesThisTurn + count)
    if operationsThisTurn >= context.limits.maxOperationsPerTurn || bytesThisTurn >= Transport.pieceSize {
      (operationsThisTurn, bytesThisTurn) = (0, 0)
      await context.yield()
    }
    try requireOpen()
  }

  /// Counts the memory of the stream: the piece that its handler has read, and what is not sent.
  private func noteHeldBytes() {
    context.hold(pieceBytes + pending.count + (transport?.heldBytes ?? 0), for: entry)
  }
}

// MARK: - Waiting

extension StreamExchange {
  func wait(until deadline: MonotonicTime) async throws(StreamFailure) -> StreamWake {
    try await flush()
    notePiece(of: 0)
    // Ends with the peer or the deadline; an interruption has a cause, which is looked for again.
    while true {
      let transport = try requireOpen()
      if transport.isHungUp { throw .peerGone }
      if isDraining {
        guard !hasReportedDraining else { throw .aborted }
        hasReportedDraining = true
        return .draining
      }
      if isSignaled {
        isSignaled = false
        return .signaled
      }
      context.move(entry, to: .idleStream)
      isWaiting = true
      let outcome = await transport.hangUp(until: deadline)
      isWaiting = false
      context.move(entry, to: .handling)
      switch outcome {
      case .ready, .interrupted: continue
      case .deadline: return .deadline
      }
    }
  }

  func signal() {
    isSignaled = true
    // Any other wait is for the peer, and stays as it is.
    if isWaiting { context.loop.interrupt(entry.waitHandle) }
  }

  /// Records the size of the piece that the handler holds.
  func notePiece(of bytes: Int) {
    pieceBytes = bytes
    noteHeldBytes()
  }
}

// MARK: - Receiving

extension StreamExchange {
  /// Receives from 1 to `limit` bytes of the body.
  ///
  /// What was written is sent before a wait, because the peer may wait for it.
  func receive(limit: Int) async throws(StreamFailure) -> [UInt8] {
    let transport = try requireOpen()
    var bytes: [UInt8] = []
    // Ends with the first byte, or when the peer falls below the minimum rate.
    while true {
      switch transport.receive(into: &bytes, limit: limit) {
      case .transferred(let count):
        inbound.restore(movedBytes: count)
        try await noteTransfer(of: count)
        if !bytes.isEmpty { return bytes }
      case .wouldBlock:
        try await flush()
        let (start, deadline) = (context.loop.now, inbound.deadline(at: context.loop.now))
        context.move(entry, to: .streaming)
        let outcome = await transport.readable(until: deadline)
        context.move(entry, to: .handling)
        inbound.spend(context.loop.now - start)
        try requireOpen()
        if outcome == .deadline { throw .tooSlow }
      case .endOfStream, .broken:
        throw .peerGone
      }
    }
  }
}

// MARK: - Sending

extension StreamExchange {
  func append(_ body: (inout [UInt8]) -> Void) {
    body(&pending)
  }

  /// Sends everything, at the pace of the peer.
  func flush() async throws(StreamFailure) {
    let transport = try requireOpen()
    if !pending.isEmpty {
      var output: [UInt8] = []
      swap(&output, &pending)
      transport.enqueue(output)
    }
    guard transport.unsentCount > 0 else { return }
    // Ends with the last byte, or when the peer falls below the minimum rate.
    while transport.unsentCount > 0 {
      switch transport.flush() {
      case .transferred(let count):
        outbound.restore(movedBytes: count)
        try await noteTransfer(of: count)
      case .wouldBlock: try await waitForReader(of: transport)
      case .endOfStream, .broken: throw .peerGone
      }
    }
    noteHeldBytes()
  }

  private func waitForReader(of transport: Transport) async throws(StreamFailure) {
    noteHeldBytes()
    try requireOpen()
    let start = context.loop.now
    var deadline = outbound.deadline(at: start)
    if isEndless, let end = context.streamDrainDeadline(ofGeneration: generation) {
      guard end > start else { throw .aborted }
      deadline = min(deadline, end)
    }
    context.move(entry, to: .streaming)
    let outcome = await transport.writable(until: deadline)
    context.move(entry, to: .handling)
    outbound.spend(context.loop.now - start)
    try requireOpen()
    if outcome == .deadline { throw isEndless && isDraining ? .aborted : .tooSlow }
  }
}
