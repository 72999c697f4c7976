internal import EventLoop
internal import HTTPWire

/// One connection from its first byte to its close: read, handle, write, again.
final class Connection {
  private let context: ServerContext
  private let socket: Socket
  private var receiver: RequestReceiver
  private var output: [UInt8] = []

  /// Takes over an accepted descriptor.
  init(adopting descriptor: Int32, peer: SocketAddress, context: ServerContext) throws(SystemError) {
    socket = try Socket(adopting: descriptor, on: context.loop)
    self.context = context
    receiver = RequestReceiver(context: context, peer: peer)
  }

  func serve() async {
    context.opened(socket.waitingPlace)
    defer { context.closed(socket.waitingPlace) }
    for served in 1...context.limits.requestsPerConnection {
      let outcome = await receiver.next(from: socket) { await self.send(ResponseEncoder.continueResponse) }
      switch outcome {
      case .closed:
        return
      case .refused(let response, let head):
        // A body may follow that nobody will read, so nothing after it could be understood.
        let isSent = await send(response, to: head, closing: true)
        if isSent { await linger() }
        return
      case .request(let request):
        let response = await context.handler.respond(to: request)
        let isLast =
          !request.head.isPersistent || context.phase != .serving
          || served == context.limits.requestsPerConnection
        guard await send(response, to: request.head, closing: isLast) else { return }
        if isLast { return await linger() }
        if served.isMultiple(of: context.limits.turnBudget) {
          _ = await context.loop.sleep(until: context.loop.now)
        }
      }
    }
  }

  /// Answers `response` before anything was read, and closes.
  func turnAway(with response: Response) async {
    context.opened(socket.waitingPlace)
    defer { context.closed(socket.waitingPlace) }
    if await send(response, to: nil, closing: true) { await linger() }
  }

  private func send(_ response: Response, to head: RequestHead?, closing: Bool) async -> Bool {
    output.removeAll(keepingCapacity: false)
    ResponseEncoder.append(response, to: &output, answering: head, date: context.dateField, closing: closing)
    return await send(output)
  }

  /// False where the peer is gone or takes nothing.
  private func send(_ bytes: [UInt8]) async -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch socket.send(rest) {
      case .transferred(let count):
        rest = rest.dropFirst(count)
      case .wouldBlock:
        let deadline = context.loop.now + context.limits.writeStall
        guard await socket.writable(until: deadline) == .ready else { return false }
      case .endOfStream, .broken:
        return false
      }
    }
    return true
  }

  /// RFC 9112 section 9.6: closing with unread bytes resets the connection, and the reset may overtake the answer. So
  /// say that we are done, and read on for a while, until the peer has said the same.
  private func linger() async {
    socket.shutdownSending()
    let deadline = context.loop.now + context.limits.linger
    var discarded = 0
    var sink: [UInt8] = []
    while discarded < context.limits.lingerBytes {
      sink.removeAll(keepingCapacity: true)
      switch socket.receive(into: &sink, limit: EventLoop.scratchSize) {
      case .transferred(let count): discarded += count
      case .wouldBlock: guard await socket.readable(until: deadline) == .ready else { return }
      case .endOfStream, .broken: return
      }
    }
  }
}
