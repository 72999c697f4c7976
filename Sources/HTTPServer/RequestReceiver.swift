internal import EventLoop
internal import HTTPWire
internal import Time

/// Receives the requests of one connection in order, within the limits.
struct RequestReceiver: ~Copyable {
  enum Outcome {
    case request(Request, respond: Responder, observer: (any ResponseObserver)?)
    case stream(AdmittedStream)
    /// Refused by its header section. A body may follow.
    case refused(Response, RequestHead)
    /// The rest of the input cannot be parsed. The method is nil if none was read.
    case failed(Response, method: Method?)
    /// The peer left, or timed out before a request that could be answered.
    case closed
  }

  /// The read size where the number of bytes to come is unknown.
  ///
  /// Large enough for several deliveries, and small enough for a sender that only holds a connection open.
  static let readSize = 16 * 1024

  /// Bytes that have arrived and belong to no request yet.
  private var input: [UInt8] = []
  private var readsThisTurn = 0
  private var bytesThisTurn = 0
  private var hasServed = false
  private let context: ServerContext
  private let transport: Transport
  private let entry: ConnectionEntry
  private let peer: Peer

  init(context: ServerContext, transport: Transport, entry: ConnectionEntry, peer: Peer) {
    self.context = context
    self.transport = transport
    self.entry = entry
    self.peer = peer
  }

  /// Receives the next request, whose first byte has arrived.
  ///
  /// - Parameter continuing: sends `100 Continue` to a sender that expects it.
  mutating func next(continuing: () async -> Bool) async -> Outcome {
    context.move(entry, to: .receiving)
    var received: RequestHead?
    do throws(Interruption) {
      let head = try await receiveHead()
      hasServed = true
      received = head
      switch context.handler.admit(head, from: peer) {
      case .refuse(let response):
        return .refused(response, head)
      case .receive(let wanted, let observer, let respond):
        let maxBodyBytes = min(wanted, context.limits.message.maxBodyBytes)
        if case .length(let length) = head.bodyFraming, length > maxBodyBytes {
          let response = refusal(.bodyTooLarge(limit: maxBodyBytes), of: head, to: observer)
          return .failed(response, method: head.method)
        }
        if head.expectsContinue, head.bodyFraming != .none, input.isEmpty {
          guard await continuing() else { return .closed }
          context.move(entry, to: .receiving)
        }
        let body = try await receiveBody(framed: head.bodyFraming, limit: maxBodyBytes)
        context.hold(body.count, for: entry)
        return .request(
          Request(head: head, body: body, peer: peer), respond: respond, observer: observer)
      case .stream(let maxBodyBytes, let observer, let refusalFields, let respond):
        if case .length(let length) = head.bodyFraming, length > maxBodyBytes {
          let response = refusal(.bodyTooLarge(limit: maxBodyBytes), of: head, to: observer)
          return .failed(response, method: head.method)
        }
        guard context.beginStream(entry) else {
          var response = refusal(.tooManyStreams, of: head, to: observer)
          response.fields += refusalFields
          return .refused(response, head)
        }
        return .stream(
          AdmittedStream(head: head, maxBodyBytes: maxBodyBytes, respond: respond, observer: observer))
      }
    } catch {
      switch error {
      case .refused(let refusal):
        let method = received?.method ?? RequestHeadParser.method(atStartOf: input.span)
        return .failed(self.refusal(refusal, of: received), method: method)
      case .closed: return .closed
      }
    }
  }

  private enum Interruption: Error {
    case refused(Refusal)
    case closed
  }

  private func refusal(
    _ refusal: Refusal, of head: RequestHead?, to observer: (any ResponseObserver)? = nil
  ) -> Response {
    let response =
      if let head {
        context.handler.refuse(refusal, of: head, from: peer)
      } else {
        context.handler.refuse(refusal, from: peer)
      }
    observer?.noteResponse(response.status.code)
    return response
  }
}

// MARK: - The header section

extension RequestReceiver {
  /// Waits for the first byte of a request.
  ///
  /// - Returns: false if the connection should end: idle timeout, peer gone, or draining.
  mutating func waitForFirstByte() async -> Bool {
    if hasRequest {
      await yieldIfTurnIsSpent()
      return !context.mustEnd(entry)
    }
    // An idle connection holds no buffer.
    if input.isEmpty { input = [] }
    let start = context.loop.now
    var hasWaited = false
    // Ends at the deadline; an interruption only recomputes the deadline.
    while !context.mustEnd(entry) {
      switch transport.receive(into: &input, limit: Self.readSize) {
      case .transferred:
        guard hasRequest else { continue }
        if !hasWaited { await yieldIfTurnIsSpent() }
        return !context.mustEnd(entry)
      case .wouldBlock:
        let deadline = context.silenceDeadline(from: start, hasServed: hasServed)
        guard deadline > context.loop.now, await transport.readable(until: deadline) != .deadline else {
          return false
        }
        hasWaited = true
      case .endOfStream, .broken:
        return false
      }
    }
    return false
  }

  private var hasRequest: Bool { RequestHeadParser.hasBegun(input.span) }

  /// Pipelined requests are served in turns with those of other connections.
  private func yieldIfTurnIsSpent() async {
    if hasServed, context.isTurnSpent { await context.yield() }
  }

  private mutating func receiveHead() async throws(Interruption) -> RequestHead {
    var parser = RequestHeadParser(limits: context.limits.message)
    let deadline = context.loop.now + context.limits.headerTimeout
    // Bounded by the parser, which rejects a section that exceeds its limit.
    while true {
      do throws(RequestError) {
        if let head = try parser.parse(input.span) {
          input.removeFirst(head.byteCount)
          return head
        }
      } catch {
        throw .refused(.malformed(error))
      }
      try await receive(until: deadline)
    }
  }
}

// MARK: - The body

extension RequestReceiver {
  private mutating func receiveBody(
    framed framing: BodyFraming, limit: Int
  ) async throws(Interruption) -> [UInt8] {
    switch framing {
    case .none: return []
    case .length(let length): return try await receiveBody(of: length)
    case .chunked: return try await receiveChunks(limit: limit)
    }
  }

  private mutating func receiveBody(of length: Int) async throws(Interruption) -> [UInt8] {
    if input.count <= length, input.count * 2 > length {
      // Most of it has arrived: the input buffer becomes the body, without a copy.
      var body: [UInt8] = []
      swap(&body, &input)
      try await fill(&body, to: length)
      return body
    }
    var body = Array(input.prefix(length))
    input.removeFirst(body.count)
    try await fill(&body, to: length)
    return body
  }

  /// Reads the body; memory grows only as bytes arrive.
  ///
  /// A declared length alone reserves nothing. Once half of it has arrived, the rest is allocated exactly,
  /// because doubling once more could take up to twice the length.
  private mutating func fill(
    _ body: inout [UInt8], to length: Int
  ) async throws(Interruption) {
    let start = context.loop.now
    while body.count < length {
      if body.count * 2 >= length, body.capacity < length { body.reserveCapacity(length) }
      let arrived = transport.receive(into: &body, limit: length - body.count)
      try await proceed(
        after: arrived, until: context.limits.minBodyRate.deadline(from: start, moved: body.count))
      context.hold(body.count, for: entry)
    }
    // What is more belongs to the next request.
    assert(body.count == length, "a body is longer than its Content-Length")
  }

  private mutating func receiveChunks(
    limit: Int
  ) async throws(Interruption) -> [UInt8] {
    var decoder = ChunkedDecoder(limits: context.limits.message, bodyLimit: limit)
    var body: [UInt8] = []
    let start = context.loop.now
    // Bounded by the decoder, which rejects a body that exceeds `limit`.
    while true {
      do throws(RequestError) {
        let progress = try decoder.decode(input.span, into: &body)
        input.removeFirst(progress.consumed)
        context.hold(body.count, for: entry)
        if progress.isComplete { return body }
      } catch {
        throw .refused(.malformed(error))
      }
      try await receive(until: context.limits.minBodyRate.deadline(from: start, moved: body.count))
    }
  }
}

// MARK: - Lending the input to a stream

extension RequestReceiver {
  /// Hands over the bytes that have arrived, which may begin with the body.
  mutating func lendInput() -> [UInt8] {
    defer { input = [] }
    return input
  }

  /// Takes back the bytes that the stream has not consumed.
  mutating func takeBack(_ rest: [UInt8]) {
    input = rest
  }
}

// MARK: - A body that is not read

extension RequestReceiver {
  /// Discards the rest of a body, up to the next request.
  ///
  /// - Returns: false if the body does not arrive.
  mutating func skipBody(of length: Int) async -> Bool {
    guard length > 0 else { return true }
    context.move(entry, to: .receiving)
    let start = context.loop.now
    do throws(Interruption) {
      while input.count < length {
        try await receive(until: context.limits.minBodyRate.deadline(from: start, moved: input.count))
      }
    } catch {
      return false
    }
    input.removeFirst(length)
    return true
  }
}

// MARK: - Bytes

extension RequestReceiver {
  /// Appends at least one byte to the input.
  private mutating func receive(until deadline: MonotonicTime) async throws(Interruption) {
    let count = input.count
    while input.count == count {
      let arrived = transport.receive(into: &input, limit: Self.readSize)
      try await proceed(after: arrived, until: deadline)
    }
  }

  /// Continues, waits for more, or fails after an attempt to read.
  private mutating func proceed(
    after result: TransferResult, until deadline: MonotonicTime
  ) async throws(Interruption) {
    switch result {
    case .transferred(let count):
      (readsThisTurn, bytesThisTurn) = (readsThisTurn + 1, bytesThisTurn + count)
      if readsThisTurn >= context.limits.maxOperationsPerTurn || bytesThisTurn >= Transport.pieceSize {
        (readsThisTurn, bytesThisTurn) = (0, 0)
        await context.yield()
      }
    case .wouldBlock:
      (readsThisTurn, bytesThisTurn) = (0, 0)
      if !context.mustEnd(entry) {
        switch await transport.readable(until: deadline) {
        case .ready: break
        case .deadline: throw .refused(.timedOut)
        case .interrupted where !entry.isEvicted: throw .closed
        case .interrupted: break
        }
      }
    case .endOfStream, .broken:
      throw .closed
    }
    if entry.isEvicted { throw .refused(.evicted) }
    if context.phase == .aborting { throw .closed }
  }
}
