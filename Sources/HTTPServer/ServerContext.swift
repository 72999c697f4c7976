internal import ClientAddress
internal import EventLoop
internal import HTTPWire
internal import System
internal import TLS
internal import Time

/// What the connections of one server share. Touched on the server's loop only.
final class ServerContext {
  let loop: EventLoop
  let limits: ServerLimits
  let handler: any RequestHandler
  let trustedProxies: TrustedProxies
  /// What new connections are shown, where a socket uses TLS.
  var tls: TLSContext?
  private(set) var phase = Phase.serving
  private(set) var connections = ConnectionTable()
  /// Requests that had come whole and were cut by ``abort()`` before they were answered.
  private(set) var cutRequests = 0
  private var drainingSince: MonotonicTime?
  private var lastExhaustion: MonotonicTime?
  /// Since memory was given back last.
  private var peak = (connections: 0, bytes: 0)
  private var date: (second: Int64, text: [UInt8]) = (.min, [])

  private static let exhaustionInterval: Duration = .seconds(10)
  /// So much at once leaves something behind that is worth to be given back.
  private static let storm = (connections: 64, bytes: 4 * 1024 * 1024)

  enum Phase {
    case serving
    /// No new requests; those that have begun to come are finished.
    case draining
    /// The grace is over: every wait ends at once.
    case aborting
  }

  init(
    loop: EventLoop, limits: ServerLimits, handler: any RequestHandler, trustedProxies: TrustedProxies
  ) {
    self.trustedProxies = trustedProxies
    self.loop = loop
    self.limits = limits
    self.handler = handler
  }

  /// The `Date` field's value, made once a second.
  var dateField: [UInt8] {
    let milliseconds = loop.kernel.wallTimeMilliseconds
    let second = milliseconds >= 0 ? milliseconds / 1000 : 0
    if second != date.second { date = (second, IMFFixdate.format(unixSeconds: second)) }
    return date.text
  }
}

// MARK: - Turns

extension ServerContext {
  /// Lets the other connections go on first.
  func yield() async {
    _ = await loop.sleep(until: loop.now)
  }

  /// This turn of the loop has taken so long that others wait.
  var isTurnSpent: Bool { loop.kernel.monotonicTime - loop.now >= limits.turnTime }
}

// MARK: - Stopping

extension ServerContext {
  func drain() {
    guard phase == .serving else { return }
    phase = .draining
    drainingSince = loop.now
    connections.queue(.waiting).forEach { loop.interrupt($0.place) }
  }

  func abort() {
    guard phase != .aborting else { return }
    phase = .aborting
    cutRequests = connections.queue(.handling).count + connections.queue(.sending).count
    for state in ConnectionEntry.State.allCases {
      connections.queue(state).forEach { loop.interrupt($0.place) }
    }
  }

  /// Until when to wait for the first byte of a request on a connection that has been silent since `start`. Draining ends
  /// a kept connection at once; one that was accepted a moment ago may have its request under way.
  func silenceDeadline(from start: MonotonicTime, hasServed: Bool) -> MonotonicTime {
    let deadline = start + (hasServed ? limits.idle : limits.firstByte)
    guard let drainingSince else { return deadline }
    return hasServed ? drainingSince : min(deadline, drainingSince + limits.drainingFirstByte)
  }

  /// Whether the connection has no time left to wait for anything.
  func mustEnd(_ entry: ConnectionEntry) -> Bool {
    phase == .aborting || entry.isDisplaced
  }
}

// MARK: - Bounds

extension ServerContext {
  /// Lists a new connection; false where there is no room for it, and nobody to make some.
  func open(_ entry: ConnectionEntry) -> Bool {
    connections.insert(entry)
    peak.connections = max(peak.connections, connections.count)
    guard connections.count > limits.connections else { return true }
    return displaceOne(for: entry)
  }

  func close(_ entry: ConnectionEntry) {
    connections.remove(entry)
    // What a storm left behind lies in pieces that the allocator would keep. It takes milliseconds, so not before most of
    // it is over.
    guard
      peak.connections >= Self.storm.connections && connections.count < peak.connections / 8
        || peak.bytes >= Self.storm.bytes && connections.heldBytes < peak.bytes / 8
    else { return }
    peak = (connections.count, connections.heldBytes)
    // Not yet: what this connection holds is freed when its task has returned.
    loop.atEndOfTurn { FreeMemory.giveBack() }
  }

  func move(_ entry: ConnectionEntry, to state: ConnectionEntry.State) {
    connections.move(entry, to: state, now: loop.now)
  }

  /// False where `client` has as many connections as one may have; nil is not counted.
  func identify(_ entry: ConnectionEntry, as client: ClientKey?) -> Bool {
    guard let client else { return true }
    connections.identify(entry, as: client)
    return connections.count(of: client) <= limits.connectionsPerAddress
  }

  /// Closes the connection that can best be spared, so that another gets its place or its descriptor.
  func displaceOne(for newcomer: ConnectionEntry? = nil) -> Bool {
    let spared = connections.displaceable(by: newcomer, at: loop.now, patience: limits.undisturbed)
    guard let spared else { return false }
    displace(spared)
    return true
  }

  /// Descriptors or memory ran out. Told once in a while, for it happens as often as somebody tries to connect.
  func exhausted(_ error: SystemError) {
    if let last = lastExhaustion, loop.now - last < Self.exhaustionInterval { return }
    lastExhaustion = loop.now
    handler.observe(.exhausted(error))
  }

  /// Says how many bytes `entry` holds, and keeps the sum of all within its bound.
  func hold(_ bytes: Int, for entry: ConnectionEntry) {
    connections.hold(bytes, for: entry)
    peak.bytes = max(peak.bytes, connections.heldBytes)
    // Ends: every round takes a connection from a queue.
    while connections.heldBytes > limits.bytesInFlight,
      let slowest = connections.slowestTransfer(at: loop.now, minAge: limits.undisturbed)
    {
      displace(slowest)
    }
  }

  /// The peer has taken `bytes` more of its answer.
  func noteSent(_ bytes: Int, for entry: ConnectionEntry) {
    connections.noteSent(bytes, for: entry)
  }

  private func displace(_ entry: ConnectionEntry) {
    connections.displace(entry)
    handler.observe(.displaced)
    loop.interrupt(entry.place)
  }
}
