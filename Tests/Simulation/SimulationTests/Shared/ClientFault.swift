import EventLoop
import Simulation
import StandardWebhooks

/// A fault that a client causes in its own exchange.
enum ClientFault {
  case none
  /// The connection is reset in the middle of the request.
  case resetsMidRequest
  /// The rest of the request never comes.
  case stalls
  /// The client half-closes the connection, and waits for the answer.
  case halfCloses
  /// The client resets the connection when everything is sent.
  case disconnects
  /// The client does not read.
  case readsNothing

  static let all: [ClientFault] = [.resetsMidRequest, .stalls, .halfCloses, .disconnects, .readsNothing]

  /// Whether the client waits for an answer.
  var awaitsAnswer: Bool { self == .none || self == .halfCloses }
}

extension MachineSimulation {
  /// How long a sender waits before it retries.
  private static let answerTimeout: Duration = .seconds(10)

  func clientFault() -> ClientFault {
    let times = faults.clientFaultsOnceIn
    guard times > 0, random.happens(onceIn: times) else { return .none }
    return ClientFault.all.randomElement(using: &random) ?? .none
  }

  /// Sends `bytes` over a connection, and calls `onEnd` with the answer. Nil if none comes.
  func exchange(_ bytes: [UInt8], fault: ClientFault, onEnd: @escaping (Exchange.Reply?) -> Void) {
    let connection = connection(for: fault)
    connection.isIdle = false
    connection.hasSentAll = false
    connection.act(at: kernel.monotonicTime)
    let sent = generation
    let exchange = Exchange(on: connection.peer, at: kernel.monotonicTime, after: connection.offset) {
      [self] reply in
      if let reply { close(connection, after: reply) }
      onEnd(reply)
    }
    exchanges.append(exchange)
    send(bytes, over: connection, fault: fault, of: exchange)
    kernel.after(Self.answerTimeout) { [self] in
      exchange.poll()
      guard !exchange.isOver else { return }
      let isOverdue = fault.awaitsAnswer && exchange.completedAt != nil && generation == sent
      if isOverdue { fail("a request was not answered within \(Self.answerTimeout)") }
      exchange.giveUp()
      if fault != .stalls && fault != .readsNothing { kernel.reset(connection.peer) }
    }
  }

  private func connection(for fault: ClientFault) -> ClientConnection {
    idleConnections.removeAll(where: \.peer.isOver)
    if fault == .none, !idleConnections.isEmpty, Bool.random(using: &random) {
      return idleConnections.removeFirst()
    }
    let room = fault == .readsNothing ? Int.random(in: 0...60, using: &random) : .max
    let connection = ClientConnection(kernel.connect(room: room), at: kernel.monotonicTime)
    connections.append(connection)
    return connection
  }

  private func send(
    _ bytes: [UInt8], over connection: ClientConnection, fault: ClientFault, of exchange: Exchange
  ) {
    let isCut = fault == .resetsMidRequest || fault == .stalls
    let total = isCut ? Int.random(in: 0..<bytes.count, using: &random) : bytes.count
    var (start, delay) = (0, 0)
    while start < total {
      let isPiece = faults.splitsRequests && random.happens(onceIn: 2)
      let end = isPiece ? Int.random(in: (start + 1)...total, using: &random) : total
      transmit(Array(bytes[start..<end]), over: connection, after: delay)
      start = end
      if start < total { delay += Int.random(in: 0...90, using: &random) }
    }
    kernel.after(.milliseconds(delay)) { [self] in
      connection.hasSentAll = !isCut
      switch fault {
      case .none, .readsNothing: exchange.completedAt = kernel.monotonicTime
      case .halfCloses:
        exchange.completedAt = kernel.monotonicTime
        kernel.endSending(from: connection.peer)
      case .resetsMidRequest: kernel.reset(connection.peer)
      case .stalls: break
      case .disconnects:
        exchange.completedAt = kernel.monotonicTime
        kernel.after(.milliseconds(Int.random(in: 0...30, using: &random))) {
          self.kernel.reset(connection.peer)
        }
      }
    }
  }

  private func transmit(_ piece: [UInt8], over connection: ClientConnection, after delay: Int) {
    guard delay > 0 else { return kernel.send(piece, from: connection.peer) }
    kernel.after(.milliseconds(delay)) { [self] in
      kernel.send(piece, from: connection.peer)
      connection.act(at: kernel.monotonicTime)
    }
  }

  /// Keeps the connection, half-closes it, resets it, or abandons it.
  private func close(_ connection: ClientConnection, after reply: Exchange.Reply) {
    connection.offset = reply.end
    connection.isIdle = reply.keepsConnection
    connection.act(at: kernel.monotonicTime)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: kernel.reset(connection.peer)
    case 1: kernel.endSending(from: connection.peer)
    case 2: break
    default:
      if reply.keepsConnection && connection.hasSentAll && !connection.peer.isOver {
        idleConnections.append(connection)
      }
    }
  }
}
