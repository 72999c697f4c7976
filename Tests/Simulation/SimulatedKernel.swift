package import EventLoop

/// A kernel with a clock, sockets and peers of its own. Everything that may happen to a socket happens here, as often as
/// ``Faults`` says, and in the order that the seed decides.
package final class SimulatedKernel: Kernel {
  /// How often each mishap happens: once in so many calls; 0 is never.
  package struct Faults: Sendable {
    package var shortReads = 3
    package var shortWrites = 3
    package var spuriousWouldBlock = 10
    package var acceptAborts = 0
    package var acceptExhausted = 0

    package init() {}

    /// A kernel on which nothing goes wrong by itself.
    package static var none: Faults {
      var faults = Faults()
      (faults.shortReads, faults.shortWrites, faults.spuriousWouldBlock) = (0, 0, 0)
      return faults
    }
  }

  package private(set) var monotonicTime = MonotonicTime(nanoseconds: 1_000_000_000)
  package var wallTimeMilliseconds: Int64 {
    1_764_000_000_000 + Int64(monotonicTime.nanoseconds / 1_000_000)
  }

  package let faults: Faults
  package var random: SeededGenerator
  private var sockets: [Int32: SimulatedSocket] = [:]
  private var backlog: [Int32] = []
  private var listener: (descriptor: Int32, token: UInt64)?
  private var nextDescriptor: Int32 = 100
  private var agenda: [(time: MonotonicTime, order: Int, action: () -> Void)] = []
  private var scheduled = 0
  private var ready: [ReadyEvent] = []

  package init(seed: UInt64, faults: Faults = Faults()) {
    random = SeededGenerator(seed: seed)
    self.faults = faults
  }

  /// Descriptors that the code under test has not closed.
  package var openDescriptors: Int { sockets.count + (listener == nil ? 0 : 1) }

  /// The next wait will report something at once.
  package var hasReports: Bool { !ready.isEmpty }

  /// Nothing will happen any more by itself.
  package var isQuiet: Bool { agenda.isEmpty && ready.isEmpty && backlog.isEmpty }

  /// Runs `action` when the clock has moved on by `delay`.
  package func after(_ delay: Duration, _ action: @escaping () -> Void) {
    agenda.append((monotonicTime + delay, scheduled, action))
    scheduled += 1
  }

  package func fillWithRandom(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &random) }
  }

  private func mishap(_ times: Int) -> Bool {
    times > 0 && random.happens(onceIn: times)
  }
}

// MARK: - The code under test's side

extension SimulatedKernel {
  package func listen(
    on address: SocketAddress, mode: UInt32?, backlog: Int
  ) throws(SystemError) -> (descriptor: Int32, bound: SocketAddress) {
    (makeDescriptor(), address)
  }

  package func accept(from descriptor: Int32) -> AcceptResult {
    guard !backlog.isEmpty else { return .wouldBlock }
    if mishap(faults.acceptExhausted) { return .exhausted(SystemError(call: "accept", number: 24)) }
    let accepted = backlog.removeFirst()
    if mishap(faults.acceptAborts) {
      sockets[accepted]?.peer?.wasReset = true
      sockets[accepted] = nil
      return .aborted
    }
    return .accepted(descriptor: accepted, peer: .ipv4(host: "192.0.2.1", port: 1))
  }

  package func receive(from descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) -> TransferResult {
    guard let socket = sockets[descriptor] else { preconditionFailure("a read of a closed descriptor") }
    if socket.isReset { return .broken(SystemError(call: "recv", number: 104)) }
    guard !socket.inbound.isEmpty else { return socket.inboundEnded ? .endOfStream : .wouldBlock }
    // A readiness report may be wrong; then another comes.
    if mishap(faults.spuriousWouldBlock) {
      report(socket)
      return .wouldBlock
    }
    let limit = min(bytes.count, socket.inbound.count)
    let count = mishap(faults.shortReads) ? Int.random(in: 1...limit, using: &random) : limit
    for index in 0..<count { bytes[index] = socket.inbound[index] }
    socket.inbound.removeFirst(count)
    if !socket.inbound.isEmpty { report(socket) }
    return .transferred(count)
  }

  package func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> TransferResult {
    guard let socket = sockets[descriptor] else { preconditionFailure("a write to a closed descriptor") }
    if socket.isReset { return .broken(SystemError(call: "send", number: 32)) }
    if mishap(faults.spuriousWouldBlock) {
      report(socket)
      return .wouldBlock
    }
    let count = mishap(faults.shortWrites) ? Int.random(in: 1...bytes.count, using: &random) : bytes.count
    socket.peer?.received.append(contentsOf: bytes.prefix(count))
    return .transferred(count)
  }

  package func shutdownSending(_ descriptor: Int32) {
    sockets[descriptor]?.peer?.sawEnd = true
  }

  package func close(_ descriptor: Int32) {
    if listener?.descriptor == descriptor {
      listener = nil
    } else if let socket = sockets.removeValue(forKey: descriptor) {
      socket.peer?.sawEnd = true
    } else {
      preconditionFailure("a descriptor is closed twice")
    }
  }

  package func watch(_ descriptor: Int32, token: UInt64) throws(SystemError) {
    guard let socket = sockets[descriptor] else {
      listener = (descriptor, token)
      return
    }
    socket.token = token
    report(socket)
  }

  package func wait(until deadline: MonotonicTime?, into events: inout [ReadyEvent]) {
    while ready.isEmpty,
      let next = agenda.indices.min(by: {
        (agenda[$0].time, agenda[$0].order) < (agenda[$1].time, agenda[$1].order)
      })
    {
      if let deadline, deadline < agenda[next].time { break }
      let entry = agenda.remove(at: next)
      monotonicTime = max(monotonicTime, entry.time)
      entry.action()
    }
    if ready.isEmpty, let deadline, deadline.nanoseconds != .max {
      monotonicTime = max(monotonicTime, deadline)
    }
    events += ready
    ready.removeAll()
  }

  package func wake() {}

  private func makeDescriptor() -> Int32 {
    defer { nextDescriptor += 1 }
    return nextDescriptor
  }

  private func report(_ socket: SimulatedSocket) {
    guard let token = socket.token else { return }
    let hasEnded = socket.inboundEnded || socket.isReset
    ready.append(
      ReadyEvent(
        token: token, isReadable: hasEnded || !socket.inbound.isEmpty, isWritable: true, isHangUp: hasEnded))
  }
}

// MARK: - The peers' side

/// What the kernel holds of one connection.
private final class SimulatedSocket {
  var token: UInt64?
  var inbound: [UInt8] = []
  var inboundEnded = false
  var isReset = false
  weak var peer: SimulatedPeer?
}

/// The other end of a connection, as a script uses it.
package final class SimulatedPeer {
  package fileprivate(set) var received: [UInt8] = []
  /// The code under test has said that it sends no more, or has closed.
  package fileprivate(set) var sawEnd = false
  /// The connection broke before it was accepted.
  package fileprivate(set) var wasReset = false
  fileprivate let descriptor: Int32

  fileprivate init(descriptor: Int32) {
    self.descriptor = descriptor
  }
}

extension SimulatedKernel {
  package func connect() -> SimulatedPeer {
    let peer = SimulatedPeer(descriptor: makeDescriptor())
    let socket = SimulatedSocket()
    socket.peer = peer
    sockets[peer.descriptor] = socket
    backlog.append(peer.descriptor)
    if let listener {
      ready.append(ReadyEvent(token: listener.token, isReadable: true, isWritable: false, isHangUp: false))
    }
    return peer
  }

  package func send(_ bytes: some Collection<UInt8>, from peer: SimulatedPeer) {
    guard let socket = sockets[peer.descriptor] else { return }
    socket.inbound += bytes
    report(socket)
  }

  /// The peer will send no more; it still reads.
  package func endSending(from peer: SimulatedPeer) {
    guard let socket = sockets[peer.descriptor] else { return }
    socket.inboundEnded = true
    report(socket)
  }

  package func reset(_ peer: SimulatedPeer) {
    guard let socket = sockets[peer.descriptor] else { return }
    socket.isReset = true
    report(socket)
  }
}
