internal import ClientAddress
internal import EventLoop
internal import HTTPWire
internal import System
internal import TLS
internal import Time

/// One connection from accept to close: read, handle, write, repeat.
final class Connection {
  let context: ServerContext
  let transport: Transport
  let entry: ConnectionEntry
  private(set) var peer: Peer

  /// Takes ownership of an accepted descriptor.
  init(adopting descriptor: Int32, from peer: Peer, context: ServerContext) throws(SystemError) {
    transport = try Transport(adopting: descriptor, on: context.loop)
    entry = ConnectionEntry(waitHandle: transport.waitHandle, now: context.loop.now)
    self.peer = peer
    self.context = context
  }

  func serve(as socket: ServerSocket) async {
    context.handler.observe(.opened)
    defer {
      context.close(entry)
      context.handler.observe(.closed)
    }
    if await admit(from: socket) { await serveRequests() }
  }

  /// Does all that comes before the first request.
  ///
  /// Never inlined: a connection would keep the memory of its frame.
  ///
  /// - Returns: false if the connection ends with it.
  @inline(never)
  private func admit(from socket: ServerSocket) async -> Bool {
    guard context.open(entry) else {
      await reject(.tooManyConnections, from: socket)
      return false
    }
    do throws(ConnectionFailure) {
      if socket.expectsProxyHeader { try await receiveProxyHeader() }
      guard context.identify(entry, as: peer.key) else {
        await reject(.tooManyConnectionsOfAddress, from: socket)
        return false
      }
      if socket.usesTLS { try await performHandshake() }
      peer.usesTLS = socket.usesTLS
      return true
    } catch {
      await end(after: error)
      return false
    }
  }

  private func serveRequests() async {
    var receiver = RequestReceiver(context: context, transport: transport, entry: entry, peer: peer)
    var served = 0
    var isLast = false
    while !isLast {
      context.move(entry, to: .waiting)
      // A task holds memory for every active function. Most connections wait here, where few are active.
      guard await receiver.waitForFirstByte() else { break }
      served += 1
      isLast = served >= context.limits.maxRequestsPerConnection
      guard await serveRequest(from: &receiver, isLast: isLast) else { break }
      context.hold(0, for: entry)
      if served.isMultiple(of: context.limits.maxOperationsPerTurn) { await context.yield() }
    }
    reportEmptyRecords()
  }

  private func reportEmptyRecords() {
    guard transport.tlsFailure == .tooManyEmptyRecords else { return }
    context.handler.observe(.failed(.tooManyEmptyRecords, from: peer))
  }

  /// Serves one request.
  ///
  /// - Returns: false if the connection ends with it.
  private func serveRequest(from receiver: inout RequestReceiver, isLast: Bool) async -> Bool {
    let outcome = await receiver.next { await self.sendContinue() }
    switch consume outcome {
    case .closed:
      return false
    case .failed(let response, let method):
      // The bytes after it cannot be parsed.
      await sendLast(response, to: method)
      return false
    case .refused(let response, let head):
      return await send(response, refusing: head, from: &receiver, isLast: isLast)
    case .request(let request, let respond, let observer):
      let isKept = await answer(consume request, respond, observer, isLast: isLast)
      guard await flush() else { return false }
      if !isKept { await linger() }
      return isKept
    case .stream(let admitted):
      return await serveStream(admitted, from: &receiver, isLast: isLast)
    }
  }

  /// Sends a refusal, and discards a small body, to keep the connection.
  ///
  /// Never inlined: its frame would become part of every request's.
  ///
  /// - Returns: false if the connection ends with it.
  @inline(never)
  private func send(
    _ response: Response, refusing head: RequestHead, from receiver: inout RequestReceiver, isLast: Bool
  ) async -> Bool {
    guard !isLast, head.isPersistent, context.phase == .serving, let rest = head.bodyWorthSkipping else {
      await sendLast(response, to: head.method)
      return false
    }
    enqueue(response, to: head.method, Self.option(keeping: head))
    guard await flush() else { return false }
    return await receiver.skipBody(of: rest)
  }

  /// Enqueues the response, and releases the request's memory: a reader may be slow.
  ///
  /// - Returns: false if the connection ends with it.
  private func answer(
    _ request: consuming Request, _ respond: @escaping Responder, _ observer: (any ResponseObserver)?,
    isLast: Bool
  ) async -> Bool {
    context.move(entry, to: .handling)
    let head = request.head
    let start = context.loop.now
    let response = await respond(request)
    observer?.noteResponse(response.status.code, since: start, at: context.loop.kernel.monotonicTime)
    let isKept = !isLast && head.isPersistent && context.phase == .serving
    enqueue(response, to: head.method, isKept ? Self.option(keeping: head) : .close)
    return isKept
  }

  static func option(keeping head: RequestHead) -> ResponseEncoder.ConnectionOption {
    head.minorVersion == 0 ? .keepAlive : .none
  }

  /// Responds before anything was read, and closes.
  ///
  /// With TLS nothing is sent: a handshake only to refuse would cost more than a connection.
  private func reject(_ refusal: Refusal, from socket: ServerSocket) async {
    let response = context.handler.refuse(refusal, from: peer)
    if !socket.usesTLS { await sendLast(response, to: nil) }
  }

  private func end(after failure: ConnectionFailure) async {
    guard failure != .handshake(.plainHTTP) else {
      // Its sender expects HTTP in the clear.
      transport.endTLS()
      return await sendLast(context.handler.refuse(.notTLS, from: peer), to: nil)
    }
    context.handler.observe(.failed(failure, from: peer))
    switch failure {
    // An alert was sent, which explains more than a reset would.
    case .handshake: await linger()
    case .notATrustedProxy, .proxyHeader, .timedOut, .ended, .tooManyEmptyRecords: return
    }
  }
}

// MARK: - Before the first request

extension Connection {
  /// Reads the PROXY header of a trusted proxy, which names the client.
  ///
  /// Bytes beyond the header belong to the next protocol.
  private func receiveProxyHeader() async throws(ConnectionFailure) {
    guard context.trustedProxies.contains(peer.address) else { throw .notATrustedProxy }
    context.move(entry, to: .receiving)
    let deadline = context.loop.now + context.limits.handshakeTimeout
    var input: [UInt8] = []
    // Bounded by the parser, which never needs more than its byte limit.
    while true {
      do throws(ProxyHeaderError) {
        if let header = try ProxyHeader.parse(input.span) {
          transport.unread(Array(input[header.byteCount...]))
          return name(header)
        }
      } catch {
        throw .proxyHeader(error)
      }
      switch transport.receive(into: &input, limit: ProxyHeader.maxBytes - input.count) {
      case .transferred: continue
      case .wouldBlock: try await waitForMore(until: deadline)
      case .endOfStream, .broken: throw .ended
      }
    }
  }

  private func name(_ header: ProxyHeader) {
    // LOCAL: the proxy's own connection, such as a health check.
    if header.source == .local { return }
    peer = Peer(named: header.client(of: peer.address))
  }

  private func performHandshake() async throws(ConnectionFailure) {
    guard let tls = context.tls else { throw .handshake(.unavailable) }
    context.move(entry, to: .receiving)
    let deadline = context.loop.now + context.limits.handshakeTimeout
    do throws(TLSError) { try transport.beginTLS(tls) } catch { throw .handshake(error) }
    // Ends at the deadline, or when the session has received as many bytes as a handshake may have.
    while true {
      switch transport.performHandshake() {
      case .complete: return
      case .failed(let error): throw .handshake(error)
      case .ended: throw .ended
      case .wouldBlock: try await waitForMore(until: deadline)
      }
    }
  }

  private func waitForMore(until deadline: MonotonicTime) async throws(ConnectionFailure) {
    guard !context.mustEnd(entry) else { throw .ended }
    switch await transport.readable(until: deadline) {
    case .ready: return
    case .deadline: throw .timedOut
    case .interrupted: throw .ended
    }
  }
}

// MARK: - Answering

extension Connection {
  func sendLast(_ response: Response, to method: Method?) async {
    enqueue(response, to: method, .close)
    if await flush() { await linger() }
  }

  private func sendContinue() async -> Bool {
    transport.enqueue(ResponseEncoder.continueResponse)
    return await flush()
  }

  func enqueue(
    _ response: consuming Response, to method: Method?, _ option: ResponseEncoder.ConnectionOption
  ) {
    let date = context.dateField
    var output: [UInt8] = []
    if response.body.count < Transport.pieceSize {
      ResponseEncoder.append(response, to: &output, answering: method, date: date, connection: option)
      transport.enqueue(output)
    } else {
      // Not copied: it may be most of the memory that the server holds.
      ResponseEncoder.appendHead(of: response, to: &output, date: date, connection: option)
      transport.enqueue(output)
      if ResponseEncoder.hasContent(response, answering: method) { transport.enqueue(response.body) }
      context.hold(transport.heldBytes, for: entry)
    }
  }

  /// Sends everything enqueued, yielding to other connections between pieces.
  ///
  /// - Returns: false if the peer is gone or reads nothing.
  func flush() async -> Bool {
    let start = context.loop.now
    var sent = 0
    // Ends with the last byte, or when the peer falls below the minimum transfer rate.
    while true {
      switch transport.flush() {
      case .transferred(let count):
        guard transport.unsentCount > 0 else { return true }
        sent += count
        context.move(entry, to: .sending)
        context.noteSent(count, for: entry)
        context.hold(transport.heldBytes, for: entry)
        await context.yield()
        guard !context.mustEnd(entry) else { return false }
      case .wouldBlock:
        guard !context.mustEnd(entry) else { return false }
        context.move(entry, to: .sending)
        // A small response is counted only from here: nearly all are sent at once.
        context.hold(transport.heldBytes, for: entry)
        let deadline = context.limits.minWriteRate.deadline(from: start, moved: sent)
        guard await transport.writable(until: deadline) == .ready else { return false }
      case .endOfStream, .broken:
        return false
      }
    }
  }

  /// Lingering close (RFC 9112 section 9.6).
  ///
  /// Closing with unread bytes resets the connection, and the reset may overtake the response. So the sending
  /// side is shut down first, and the rest is read for a while, until the peer closes.
  func linger() async {
    guard !context.mustEnd(entry) else { return }
    transport.shutdownSending()
    context.move(entry, to: .lingering)
    context.hold(0, for: entry)
    let deadline = context.loop.now + context.limits.lingerTimeout
    var discarded = 0
    while discarded < context.limits.maxLingerBytes, context.loop.now < deadline {
      switch transport.discard(limit: EventLoop.scratchSize) {
      case .transferred(let count):
        discarded += count
        await context.yield()
        guard !context.mustEnd(entry) else { return }
      case .wouldBlock:
        guard !context.mustEnd(entry), await transport.readable(until: deadline) == .ready else { return }
      case .endOfStream, .broken: return
      }
    }
  }
}

extension RequestHead {
  /// The number of body bytes to discard after a refusal, to keep the connection.
  ///
  /// Nil if the length is unknown, or larger than a connection is worth. A sender that expects `100 Continue`
  /// may send the body or not (RFC 9110 section 10.1.1).
  fileprivate var bodyWorthSkipping: Int? {
    switch bodyFraming {
    case .none: 0
    case .length(let length): length <= RequestReceiver.readSize && !expectsContinue ? length : nil
    case .chunked: nil
    }
  }
}
