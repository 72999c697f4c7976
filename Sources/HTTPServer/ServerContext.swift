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
  private var lastAcceptError: MonotonicTime?
  /// Since memory was given back last.
  private var peak = (connections: 0, bytes: 0)
  private var date: (second: Int64, text: [UInt8]) = (.min, [])

  private static let acceptErrorLogInterval: Duration = .seconds(10)
  /// So much at once leaves something behind that is worth to be given back.
  private static let trimThreshold = (connections: 64, bytes: 4 * 1024 * 1024)

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
  var isTurnSpent: Bool { loop.kernel.monotonicTime - loop.now >= limits.maxTurnDuration }
}

// MARK: - Stopping

extension ServerContext {
  func drain() {
    guard phase == .serving else { return }
    phase = .draining
    drainingSince = loop.now
    connections.queue(.waiting).forEach { loop.interrupt($0.waitHandle) }
  }

  func abort() {
    guard phase != .aborting else { return }
    phase = .aborting
    cutRequests = connections.queue(.handling).count + connections.queue(.sending).count
    for state in ConnectionEntry.State.allCases {
      connections.queue(state).forEach { loop.interrupt($0.waitHandle) }
    }
  }

  /// Until when to wait for the first byte of a request on a connection that has been silent since `start`. Draining ends
  /// a kept connection at once; one that was accepted a moment ago may have its request under way.
  func silenceDeadline(from start: MonotonicTime, hasServed: Bool) -> MonotonicTime {
    let deadline = start + (hasServed ? limits.idleTimeout : limits.firstByteTimeout)
    guard let drainingSince else { return deadline }
    return hasServed ? drainingSince : min(deadline, drainingSince + limits.drainingFirstByteTimeout)
  }

  /// Whether the connection has no time left to wait for anything.
  func mustEnd(_ entry: ConnectionEntry) -> Bool {
    phase == .aborting || entry.isEvicted
  }
}

// MARK: - Bounds

extension ServerContext {
  /// Lists a new connection; false where there is no room for it, and nobody to make some.
  func open(_ entry: ConnectionEntry) -> Bool {
    connections.insert(entry)
    peak.connections = max(peak.connections, connections.count)
    guard connections.count > limits.maxConnections else { return true }
    return evictOne(for: entry)
  }

  func close(_ entry: ConnectionEntry) {
    connections.remove(entry)
    // What a peak left behind lies in pieces that the allocator would keep. It takes milliseconds, so not before most of
    // it is over.
    guard
      peak.connections >= Self.trimThreshold.connections && connections.count < peak.connections / 8
        || peak.bytes >= Self.trimThreshold.bytes && connections.heldBytes < peak.bytes / 8
    else { return }
    peak = (connections.count, connections.heldBytes)
    // Not yet: what this connection holds is freed when its task has returned.
    loop.atEndOfTurn { FreeMemory.trim() }
  }

  func move(_ entry: ConnectionEntry, to state: ConnectionEntry.State) {
    connections.move(entry, to: state, now: loop.now)
  }

  /// False where `client` has as many connections as one may have; nil is not counted.
  func identify(_ entry: ConnectionEntry, as client: ClientKey?) -> Bool {
    guard let client else { return true }
    connections.identify(entry, as: client)
    return connections.count(of: client) <= limits.maxConnectionsPerAddress
  }

  /// Closes the connection that can best be spared, so that another gets its place or its descriptor.
  func evictOne(for newcomer: ConnectionEntry? = nil) -> Bool {
    let candidate = connections.evictionCandidate(for: newcomer, at: loop.now, minAge: limits.minEvictionAge)
    guard let candidate else { return false }
    evict(candidate)
    return true
  }

  /// Descriptors or memory ran out. Told once in a while, for it happens as often as somebody tries to connect.
  func noteAcceptError(_ error: SystemError) {
    if let last = lastAcceptError, loop.now - last < Self.acceptErrorLogInterval { return }
    lastAcceptError = loop.now
    handler.observe(.acceptError(error))
  }

  /// Says how many bytes `entry` holds, and keeps the sum of all within its bound.
  func hold(_ bytes: Int, for entry: ConnectionEntry) {
    connections.hold(bytes, for: entry)
    peak.bytes = max(peak.bytes, connections.heldBytes)
    // Ends: every round takes a connection from a queue.
    while connections.heldBytes > limits.maxBytesInFlight,
      let slowest = connections.slowestTransfer(at: loop.now, minAge: limits.minEvictionAge)
    {
      evict(slowest)
    }
  }

  /// The peer has taken `bytes` more of its answer.
  func noteSent(_ bytes: Int, for entry: ConnectionEntry) {
    connections.noteSent(bytes, for: entry)
  }

  private func evict(_ entry: ConnectionEntry) {
    connections.evict(entry)
    handler.observe(.evicted)
    loop.interrupt(entry.waitHandle)
  }
}
