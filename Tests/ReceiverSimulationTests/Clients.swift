import EventLoop
import Simulation
import StandardWebhooks

/// What a client may do to its own request.
enum Mishap {
  case none
  /// The connection breaks in the middle of the request.
  case breaksOff
  /// The rest of the request never comes.
  case fallsSilent
  /// The client says that it sends no more, and waits for the answer.
  case endsSending
  /// The client breaks the connection when everything is sent.
  case leaves
  /// It reads nothing.
  case takesNothing

  static let all: [Mishap] = [.breaksOff, .fallsSilent, .endsSending, .leaves, .takesNothing]

  /// Whether the client reads an answer that comes.
  var awaitsAnswer: Bool { self == .none || self == .endsSending }
}

extension World {
  /// Senders give up after so long, and try again.
  private static let patience: Duration = .seconds(10)

  func mishap() -> Mishap {
    guard plan.mishapsOnceIn > 0, random.happens(onceIn: plan.mishapsOnceIn) else { return .none }
    return Mishap.all.randomElement(using: &random) ?? .none
  }

  /// Sends `bytes` over a connection, and calls `onEnd` with the answer; nil where none comes.
  func exchange(_ bytes: [UInt8], mishap: Mishap, onEnd: @escaping (Exchange.Reply?) -> Void) {
    let line = line(for: mishap)
    line.isIdle = false
    line.hasSentAll = false
    line.act(at: kernel.monotonicTime)
    let sent = generation
    let exchange = Exchange(on: line.peer, at: kernel.monotonicTime, after: line.offset) { [self] reply in
      if let reply { close(line, after: reply) }
      onEnd(reply)
    }
    exchanges.append(exchange)
    send(bytes, over: line, mishap: mishap, of: exchange)
    kernel.after(Self.patience) { [self] in
      exchange.look()
      guard !exchange.isOver else { return }
      let isOwed = mishap.awaitsAnswer && exchange.completedAt != nil && generation == sent
      if isOwed { fail("a request was not answered within \(Self.patience)") }
      exchange.giveUp()
      if mishap != .fallsSilent && mishap != .takesNothing { kernel.reset(line.peer) }
    }
  }

  private func line(for mishap: Mishap) -> Line {
    idleLines.removeAll(where: \.peer.isOver)
    if mishap == .none, !idleLines.isEmpty, Bool.random(using: &random) { return idleLines.removeFirst() }
    let room = mishap == .takesNothing ? Int.random(in: 0...60, using: &random) : .max
    let line = Line(kernel.connect(room: room), at: kernel.monotonicTime)
    lines.append(line)
    return line
  }

  private func send(_ bytes: [UInt8], over line: Line, mishap: Mishap, of exchange: Exchange) {
    let isCut = mishap == .breaksOff || mishap == .fallsSilent
    let total = isCut ? Int.random(in: 0..<bytes.count, using: &random) : bytes.count
    var (start, delay) = (0, 0)
    while start < total {
      let isPiece = plan.splitsRequests && random.happens(onceIn: 2)
      let end = isPiece ? Int.random(in: (start + 1)...total, using: &random) : total
      transmit(Array(bytes[start..<end]), over: line, after: delay)
      start = end
      if start < total { delay += Int.random(in: 0...90, using: &random) }
    }
    kernel.after(.milliseconds(delay)) { [self] in
      line.hasSentAll = !isCut
      switch mishap {
      case .none, .takesNothing: exchange.completedAt = kernel.monotonicTime
      case .endsSending:
        exchange.completedAt = kernel.monotonicTime
        kernel.endSending(from: line.peer)
      case .breaksOff: kernel.reset(line.peer)
      case .fallsSilent: break
      case .leaves:
        exchange.completedAt = kernel.monotonicTime
        kernel.after(.milliseconds(Int.random(in: 0...30, using: &random))) { self.kernel.reset(line.peer) }
      }
    }
  }

  private func transmit(_ piece: [UInt8], over line: Line, after delay: Int) {
    guard delay > 0 else { return kernel.send(piece, from: line.peer) }
    kernel.after(.milliseconds(delay)) { [self] in
      kernel.send(piece, from: line.peer)
      line.act(at: kernel.monotonicTime)
    }
  }

  /// Clients keep a connection, end it, break it, or forget it.
  private func close(_ line: Line, after reply: Exchange.Reply) {
    line.offset = reply.end
    line.isIdle = reply.keepsConnection
    line.act(at: kernel.monotonicTime)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: kernel.reset(line.peer)
    case 1: kernel.endSending(from: line.peer)
    case 2: break
    default: if reply.keepsConnection && line.hasSentAll && !line.peer.isOver { idleLines.append(line) }
    }
  }
}
