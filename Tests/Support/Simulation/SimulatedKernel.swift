package import EventLoop
package import System
package import Time

/// A simulated kernel with its own clock, sockets and peers.
///
/// Every fault that a socket can have happens here, as often as ``Faults`` sets and in an order that the seed
/// decides.
package final class SimulatedKernel: Kernel {
  /// The frequency of each fault: once in so many calls.
  ///
  /// 0 is never.
  package struct Faults: Sendable {
    package var shortReads = 3
    package var shortWrites = 3
    package var spuriousWouldBlock = 10
    package var acceptAborts = 0
    package var acceptExhausted = 0

    package init() {}

    /// No faults.
    package static var none: Faults {
      var faults = Faults()
      (faults.shortReads, faults.shortWrites, faults.spuriousWouldBlock) = (0, 0, 0)
      return faults
    }
  }

  package private(set) var monotonicTime = MonotonicTime(nanoseconds: 1_000_000_000)
  package var wallTimeMilliseconds: Int64 { trueTimeMilliseconds + wallClockSteps }
  /// The time by a clock that is never set.
  package var trueTimeMilliseconds: Int64 {
    1_764_000_000_000 + Int64(monotonicTime.nanoseconds / 1_000_000)
  }
  private var wallClockSteps: Int64 = 0

  package let faults: Faults
  package var random: SeededGenerator
  private var sockets: [Int32: SimulatedSocket] = [:]
  private var backlog: [Int32] = []
  private var listener: (descriptor: Int32, token: UInt64)?
  private var nextDescriptor: Int32 = 100
  /// Scheduled events; those of one time run in the order in which they were scheduled.
  private var agenda = TimerQueue<MonotonicTime, () -> Void>()
  private var ready: [ReadyEvent] = []
  private var isOutOfTime = false
  private var isWoken = false
  /// A hash of all calls of the tested code and their times.
  ///
  /// It is equal for equal runs.
  package private(set) var trace = Trace()

  package init(seed: UInt64, faults: Faults = Faults()) {
    random = SeededGenerator(seed: seed)
    self.faults = faults
  }

  /// The number of descriptors that the code under test has not closed.
  package var openDescriptors: Int { sockets.count + (listener == nil ? 0 : 1) }

  /// Whether the next wait returns events at once.
  package var hasReports: Bool { !ready.isEmpty }

  /// Whether no event is pending or scheduled.
  package var isQuiet: Bool { agenda.count == 0 && ready.isEmpty && backlog.isEmpty }

  /// Schedules `action` after `delay`.
  package func after(_ delay: Duration, _ action: @escaping () -> Void) {
    agenda.insert(action, at: monotonicTime + delay)
  }

  /// Advances the clock, as if the tested code computed for so long.
  package func spend(_ duration: Duration) {
    monotonicTime = monotonicTime + duration
  }

  /// Steps the wall clock, as an operator or a time server does.
  package func stepWallClock(byMilliseconds step: Int64) {
    wallClockSteps += step
  }

  /// Cancels all scheduled events, which releases their owners.
  package func cancelScheduledEvents() { agenda = TimerQueue() }

  package func fillWithRandom(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &random) }
  }

  private func faultOccurs(_ times: Int) -> Bool {
    times > 0 && random.happens(onceIn: times)
  }

  private func note(_ call: Trace.Call, _ descriptor: Int32, _ count: Int = 0) {
    trace.add(call, UInt64(truncatingIfNeeded: Int(descriptor) << 32 | count), monotonicTime.nanoseconds)
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
    if faultOccurs(faults.acceptExhausted) { return .exhausted(SystemError(call: "accept", number: 24)) }
    let accepted = backlog.removeFirst()
    note(.accept, accepted)
    if faultOccurs(faults.acceptAborts) {
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
    // A readiness report may be false; then another one follows.
    if faultOccurs(faults.spuriousWouldBlock) {
      report(socket)
      return .wouldBlock
    }
    let limit = min(bytes.count, socket.inbound.count)
    let count = faultOccurs(faults.shortReads) ? Int.random(in: 1...limit, using: &random) : limit
    socket.inbound.withUnsafeBytes { bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    socket.inbound.removeFirst(count)
    note(.receive, descriptor, count)
    if !socket.inbound.isEmpty { report(socket) }
    return .transferred(count)
  }

  package func send(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> TransferResult {
    guard let socket = sockets[descriptor] else { preconditionFailure("a write to a closed descriptor") }
    if socket.isReset { return .broken(SystemError(call: "send", number: 32)) }
    if faultOccurs(faults.spuriousWouldBlock) {
      report(socket)
      return .wouldBlock
    }
    let limit = min(bytes.count, socket.peer?.room ?? bytes.count)
    // The peer never reads, so no more room appears.
    guard limit > 0 else { return .wouldBlock }
    let count = faultOccurs(faults.shortWrites) ? Int.random(in: 1...limit, using: &random) : limit
    if let peer = socket.peer {
      peer.received.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      if peer.room != .max { peer.room -= count }
    }
    note(.send, descriptor, count)
    trace.add(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    return .transferred(count)
  }

  package func shutdownSending(_ descriptor: Int32) {
    sockets[descriptor]?.peer?.sawEnd = true
  }

  package func close(_ descriptor: Int32) {
    note(.close, descriptor)
    if listener?.descriptor == descriptor {
      listener = nil
      refuseBacklog()
    } else if let socket = sockets.removeValue(forKey: descriptor) {
      socket.peer?.sawEnd = true
    } else {
      preconditionFailure("a descriptor is closed twice")
    }
  }

  /// Closing the listening socket resets connections that were not accepted (tcp(7)).
  private func refuseBacklog() {
    for descriptor in backlog { sockets.removeValue(forKey: descriptor)?.peer?.wasReset = true }
    backlog = []
  }

  package func watch(_ descriptor: Int32, token: UInt64) throws(SystemError) {
    guard let socket = sockets[descriptor] else {
      listener = (descriptor, token)
      return
    }
    socket.token = token
    report(socket)
  }

  package func wait(from now: MonotonicTime, until deadline: MonotonicTime?, into events: inout [ReadyEvent])
  {
    defer { isWoken = false }
    while ready.isEmpty, !isWoken, !isOutOfTime,
      let next = agenda.next, deadline.map({ next <= $0 }) ?? true, let entry = agenda.popFirst()
    {
      monotonicTime = max(monotonicTime, entry.due)
      entry.element()
    }
    if ready.isEmpty, !isWoken, !isOutOfTime, let deadline, deadline.nanoseconds != .max {
      monotonicTime = max(monotonicTime, deadline)
    }
    events += ready
    ready.removeAll()
  }

  package func wake() {
    isWoken = true
  }

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

/// The kernel's state of one connection.
private final class SimulatedSocket {
  var token: UInt64?
  var inbound: [UInt8] = []
  var inboundEnded = false
  var isReset = false
  weak var peer: SimulatedPeer?
}

/// The other end of a connection, driven by a script.
///
/// Scripts read all peers after every step, and exclusivity checks would take longer than the reads.
package final class SimulatedPeer {
  @exclusivity(unchecked) package fileprivate(set) var received: [UInt8] = []
  /// The code under test has shut down its sending side, or closed.
  @exclusivity(unchecked) package fileprivate(set) var sawEnd = false
  /// The connection broke before it was accepted.
  @exclusivity(unchecked) package fileprivate(set) var wasReset = false
  /// The free space of its receive buffer.
  package fileprivate(set) var room: Int
  fileprivate let descriptor: Int32

  fileprivate init(descriptor: Int32, room: Int) {
    self.descriptor = descriptor
    self.room = room
  }

  /// Whether the connection has ended, seen from this end.
  package var isOver: Bool { sawEnd || wasReset }
}

extension SimulatedKernel {
  /// Connects a peer.
  ///
  /// - Parameter room: the bytes that its receive buffer takes before it reads.
  package func connect(room: Int = .max) -> SimulatedPeer {
    let peer = SimulatedPeer(descriptor: makeDescriptor(), room: room)
    guard listener != nil else {
      peer.wasReset = true
      return peer
    }
    let socket = SimulatedSocket()
    socket.peer = peer
    sockets[peer.descriptor] = socket
    backlog.append(peer.descriptor)
    if let listener {
      ready.append(ReadyEvent(token: listener.token, isReadable: true, isWritable: false, isHangUp: false))
    }
    return peer
  }

  package func send(_ bytes: [UInt8], from peer: SimulatedPeer) {
    guard let socket = sockets[peer.descriptor] else { return }
    socket.inbound += bytes
    report(socket)
  }

  package func send(_ bytes: ArraySlice<UInt8>, from peer: SimulatedPeer) {
    send(Array(bytes), from: peer)
  }

  /// The peer reads so many bytes, which frees buffer space.
  package func read(_ bytes: Int, by peer: SimulatedPeer) {
    guard let socket = sockets[peer.descriptor] else { return }
    peer.room += bytes
    report(socket)
  }

  /// The bytes of `peer` that the code under test has not received.
  package func unreceivedBytes(of peer: SimulatedPeer) -> Int { sockets[peer.descriptor]?.inbound.count ?? 0 }

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

// MARK: - The end of a process

extension SimulatedKernel {
  /// Kills the process that owns all sockets.
  ///
  /// Its peers see resets, and nothing that its code still does reaches them. The clock stands still for it
  /// until ``reapProcess()``.
  package func killProcess() {
    isOutOfTime = true
    // Connections that were not accepted have no owner in the process that could close them.
    refuseBacklog()
    for descriptor in sockets.keys.sorted() {
      guard let socket = sockets[descriptor] else { continue }
      socket.peer?.wasReset = true
      socket.peer = nil
      socket.isReset = true
      report(socket)
    }
  }

  /// Ends the killed process.
  ///
  /// Its resources are released, and the clock runs again.
  package func reapProcess() {
    isOutOfTime = false
  }
}
