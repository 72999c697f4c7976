internal import EventLoop
internal import HTTPWire

/// Receives requests from one socket, one after the other, within the limits.
struct RequestReceiver: ~Copyable {
  enum Outcome {
    case request(Request)
    /// The header section was read and is refused; whether a body still comes is the sender's affair.
    case refused(Response, head: RequestHead?)
    /// The peer left, or nothing came in time to be answered.
    case closed
  }

  /// Bytes that have arrived and belong to no request yet.
  private var input: [UInt8] = []
  private var readsThisTurn = 0
  private let context: ServerContext
  private let peer: SocketAddress

  init(context: ServerContext, peer: SocketAddress) {
    self.context = context
    self.peer = peer
  }

  /// The next request. `continuing` sends the interim answer that lets an expectant sender go on.
  mutating func next(from socket: borrowing Socket, continuing: () async -> Bool) async -> Outcome {
    guard await waitForFirstByte(on: socket) else { return .closed }
    do throws(Interruption) {
      let head = try await receiveHead(from: socket)
      switch context.handler.admit(head) {
      case .refuse(let response):
        return .refused(response, head: head)
      case .receive(let bodyLimit):
        if case .length(let length) = head.bodyFraming, length > bodyLimit {
          return .refused(refusal(.bodyTooLarge(limit: bodyLimit)), head: head)
        }
        if head.expectsContinue, head.bodyFraming != .none, input.isEmpty {
          guard await continuing() else { return .closed }
        }
        let body = try await receiveBody(framed: head.bodyFraming, limit: bodyLimit, from: socket)
        return .request(Request(head: head, body: body, peer: peer))
      }
    } catch {
      switch error {
      case .refused(let refusal): return .refused(self.refusal(refusal), head: nil)
      case .closed: return .closed
      }
    }
  }

  private enum Interruption: Error {
    case refused(Refusal)
    case closed
  }

  private func refusal(_ refusal: Refusal) -> Response {
    context.handler.refuse(refusal, from: peer)
  }
}

// MARK: - The header section

extension RequestReceiver {
  /// False when the connection should end: it idled too long, the peer left, or the server drains.
  private mutating func waitForFirstByte(on socket: borrowing Socket) async -> Bool {
    guard input.isEmpty else { return context.phase != .aborting }
    guard context.phase == .serving else { return false }
    // An idle connection holds no memory of its own.
    input = []
    context.becameIdle(socket.waitingPlace)
    defer { context.becameBusy(socket.waitingPlace) }
    let deadline = context.loop.now + context.limits.idle
    do throws(Interruption) {
      try await receive(from: socket, limit: EventLoop.scratchSize, until: deadline)
      return true
    } catch {
      return false
    }
  }

  private mutating func receiveHead(from socket: borrowing Socket) async throws(Interruption) -> RequestHead {
    var parser = RequestHeadParser(limits: context.limits.message)
    let deadline = context.loop.now + context.limits.header
    // Bounded by the parser, which refuses a section that grows past its limit.
    while true {
      do throws(RequestError) {
        if let head = try parser.parse(input.span) {
          input.removeFirst(head.byteCount)
          return head
        }
      } catch {
        throw .refused(.malformed(error))
      }
      try await receive(from: socket, limit: EventLoop.scratchSize, until: deadline)
    }
  }
}

// MARK: - The body

extension RequestReceiver {
  private mutating func receiveBody(
    framed framing: BodyFraming, limit: Int, from socket: borrowing Socket
  ) async throws(Interruption) -> [UInt8] {
    switch framing {
    case .none: return []
    case .length(let length): return try await receiveBody(of: length, from: socket)
    case .chunked: return try await receiveChunks(limit: limit, from: socket)
    }
  }

  private mutating func receiveBody(
    of length: Int, from socket: borrowing Socket
  ) async throws(Interruption) -> [UInt8] {
    if input.count <= length, input.count * 2 > length {
      // Most of it is here: what has arrived becomes the body, without a copy.
      var body: [UInt8] = []
      swap(&body, &input)
      try await fill(&body, to: length, from: socket)
      return body
    }
    var body = Array(input.prefix(length))
    input.removeFirst(body.count)
    try await fill(&body, to: length, from: socket)
    return body
  }

  /// The body grows as its bytes come: a length that is only claimed reserves nothing.
  private mutating func fill(
    _ body: inout [UInt8], to length: Int, from socket: borrowing Socket
  ) async throws(Interruption) {
    let start = context.loop.now
    while body.count < length {
      let arrived = socket.receive(into: &body, limit: length - body.count)
      try await proceed(after: arrived, on: socket, until: bodyDeadline(from: start, received: body.count))
    }
  }

  private mutating func receiveChunks(
    limit: Int, from socket: borrowing Socket
  ) async throws(Interruption) -> [UInt8] {
    var decoder = ChunkedDecoder(limits: context.limits.message, bodyLimit: limit)
    var body: [UInt8] = []
    let start = context.loop.now
    // Bounded by the decoder, which refuses a body that grows past `limit`.
    while true {
      do throws(RequestError) {
        let progress = try decoder.decode(input.span, into: &body)
        input.removeFirst(progress.consumed)
        if progress.isComplete { return body }
      } catch {
        throw .refused(.malformed(error))
      }
      let deadline = bodyDeadline(from: start, received: body.count)
      try await receive(from: socket, limit: EventLoop.scratchSize, until: deadline)
    }
  }

  private func bodyDeadline(from start: MonotonicTime, received: Int) -> MonotonicTime {
    let earned = Duration.milliseconds(Int64(received) * 1000 / Int64(context.limits.bodyBytesPerSecond))
    return start + context.limits.bodyGrace + earned
  }
}

// MARK: - Bytes

extension RequestReceiver {
  /// Appends to the input at least one byte.
  private mutating func receive(
    from socket: borrowing Socket, limit: Int, until deadline: MonotonicTime
  ) async throws(Interruption) {
    let count = input.count
    while input.count == count {
      let arrived = socket.receive(into: &input, limit: limit)
      try await proceed(after: arrived, on: socket, until: deadline)
    }
  }

  /// What to do after an attempt to read: go on, wait for more, or give up.
  private mutating func proceed(
    after result: TransferResult, on socket: borrowing Socket, until deadline: MonotonicTime
  ) async throws(Interruption) {
    switch result {
    case .transferred:
      readsThisTurn += 1
      guard readsThisTurn >= context.limits.turnBudget else { return }
      readsThisTurn = 0
      _ = await context.loop.sleep(until: context.loop.now)
    case .wouldBlock:
      readsThisTurn = 0
      switch await socket.readable(until: deadline) {
      case .ready: return
      case .deadline: throw .refused(.timedOut)
      case .interrupted: throw .closed
      }
    case .endOfStream, .broken:
      throw .closed
    }
  }
}
