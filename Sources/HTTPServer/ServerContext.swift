internal import ClientAddress
internal import EventLoop
internal import HTTPWire
internal import System
internal import TLS
internal import Time

/// The state that a server's connections share.
///
/// Used on the server's loop only.
final class ServerContext {
  let loop: EventLoop
  /// A reload may replace them. Exclusivity: see ``connections``.
  @exclusivity(unchecked) var limits: ServerLimits
  let handler: any RequestHandler
  let trustedProxies: TrustedProxies
  /// The TLS context of new connections; nil without TLS.
  var tls: TLSContext?
  private(set) var phase = Phase.serving
  /// Exclusivity is not checked at run time: the loop's thread alone uses it, and no access calls back.
  @exclusivity(unchecked) private(set) var connections = ConnectionTable()
  /// Complete requests that ``abort()`` cut before they were answered.
  ///
  /// Streams that wait for their peers are not among them: their clients resume.
  private(set) var cutRequests = 0
  private var drainingSince: MonotonicTime?
  /// When streams began to end; nil before.
  private var streamsEndSince: MonotonicTime?
  /// How often the streams that were open have been ended, and when last, while the server went on.
  private(set) var streamGeneration = 0
  private var streamsRestartedAt: MonotonicTime?
  private var lastAcceptError: MonotonicTime?
  /// The peak since free memory was last trimmed.
  private var peak = (connections: 0, bytes: 0)
  private var date: (second: Int64, text: [UInt8]) = (.min, [])

  private static let acceptErrorLogInterval: Duration = .seconds(10)
  /// The peak from which trimming free memory pays off.
  private static let trimThreshold = (connections: 64, bytes: 4 * 1024 * 1024)

  enum Phase {
    case serving
    /// No new requests are accepted; those that have begun to arrive are finished.
    case draining
    /// The grace period is over: every wait ends at once.
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

  /// The value of the `Date` field, formatted once a second.
  var dateField: [UInt8] {
    let milliseconds = loop.kernel.wallTimeMilliseconds
    let second = milliseconds >= 0 ? milliseconds / 1000 : 0
    if second != date.second { date = (second, IMFFixdate.format(unixSeconds: second)) }
    return date.text
  }
}

// MARK: - Turns

extension ServerContext {
  /// Yields to the other connections.
  func yield() async {
    _ = await loop.sleep(until: loop.now)
  }

  /// Whether this turn of the loop has used its time.
  var isTurnSpent: Bool { loop.kernel.monotonicTime - loop.now >= limits.maxTurnDuration }
}

// MARK: - Stopping

extension ServerContext {
  func drain() {
    guard phase == .serving else { return }
    phase = .draining
    drainingSince = loop.now
    connections.queue(.waiting).forEach { loop.interrupt($0.waitHandle) }
    endStreams()
  }

  /// Lets every stream end, those that begin later too; other requests are served as before.
  func endStreams() {
    guard streamsEndSince == nil else { return }
    streamsEndSince = loop.now
    interruptStreams()
  }

  /// Ends the streams that are open. Their clients may open new ones.
  func restartStreams() {
    streamGeneration += 1
    streamsRestartedAt = loop.now
    interruptStreams()
  }

  private func interruptStreams() {
    for state in [ConnectionEntry.State.streaming, .idleStream] {
      connections.queue(state).forEach { loop.interrupt($0.waitHandle) }
    }
  }

  func abort() {
    guard phase != .aborting else { return }
    phase = .aborting
    cutRequests = connections.queue(.handling).count + connections.queue(.sending).count
    for state in ConnectionEntry.State.allCases {
      connections.queue(state).forEach { loop.interrupt($0.waitHandle) }
    }
  }

  /// The deadline for the first byte of a request.
  ///
  /// `start` is when the connection became idle. Draining closes an idle connection at once; one that was
  /// just accepted may have its request in flight.
  func silenceDeadline(from start: MonotonicTime, hasServed: Bool) -> MonotonicTime {
    let deadline = start + (hasServed ? limits.idleTimeout : limits.firstByteTimeout)
    guard let drainingSince else { return deadline }
    return hasServed ? drainingSince : min(deadline, drainingSince + limits.drainingFirstByteTimeout)
  }

  /// The deadline for the peer of a stream without a known end to read what is left; nil while serving.
  func streamDrainDeadline(ofGeneration generation: Int) -> MonotonicTime? {
    let since = streamsEndSince ?? (generation == streamGeneration ? nil : streamsRestartedAt)
    return since.map { $0 + limits.drainingStreamTimeout }
  }

  var endsStreams: Bool { streamsEndSince != nil }

  /// Whether the connection must close without waiting for anything.
  func mustEnd(_ entry: ConnectionEntry) -> Bool {
    phase == .aborting || entry.isEvicted
  }
}

// MARK: - Bounds

extension ServerContext {
  /// Adds a new connection.
  ///
  /// - Returns: false if the server is full and no connection can be evicted.
  func open(_ entry: ConnectionEntry) -> Bool {
    connections.insert(entry)
    peak.connections = max(peak.connections, connections.count)
    guard connections.count > limits.maxConnections else { return true }
    return evictOne(for: entry)
  }

  func close(_ entry: ConnectionEntry) {
    connections.remove(entry)
    // A peak leaves fragments that the allocator would keep. Trimming takes milliseconds, so it waits until
    // most of the load is gone.
    guard
      peak.connections >= Self.trimThreshold.connections && connections.count < peak.connections / 8
        || peak.bytes >= Self.trimThreshold.bytes && connections.heldBytes < peak.bytes / 8
    else { return }
    peak = (connections.count, connections.heldBytes)
    // Not yet: the connection's memory is freed when its task has returned.
    loop.atEndOfTurn { FreeMemory.trim() }
  }

  func move(_ entry: ConnectionEntry, to state: ConnectionEntry.State) {
    connections.move(entry, to: state, now: loop.now)
  }

  /// Records the client of a connection; nil is not counted.
  ///
  /// - Returns: false if the client has exceeded its maximum number of connections.
  func identify(_ entry: ConnectionEntry, as client: ClientKey?) -> Bool {
    guard let client else { return true }
    connections.identify(entry, as: client)
    return connections.count(of: client) <= limits.maxConnectionsPerAddress
  }

  /// Counts a stream.
  ///
  /// - Returns: false if the server has reached its maximum number of streams.
  func beginStream(_ entry: ConnectionEntry) -> Bool {
    guard connections.streamCount < limits.maxStreams else { return false }
    connections.beginStream(entry)
    handler.observe(.streamOpened)
    return true
  }

  func endStream(_ entry: ConnectionEntry) {
    connections.endStream(entry)
    handler.observe(.streamClosed)
  }

  /// Evicts one connection, to free a slot or a descriptor.
  func evictOne(for newcomer: ConnectionEntry? = nil) -> Bool {
    let candidate = connections.evictionCandidate(for: newcomer, at: loop.now, minAge: limits.minEvictionAge)
    guard let candidate else { return false }
    evict(candidate)
    return true
  }

  /// Reports an accept error, at most once per interval.
  ///
  /// Every attempt to connect causes one.
  func noteAcceptError(_ error: SystemError) {
    if let last = lastAcceptError, loop.now - last < Self.acceptErrorLogInterval { return }
    lastAcceptError = loop.now
    handler.observe(.acceptError(error))
  }

  /// Records the bytes that `entry` holds.
  ///
  /// Evicts transfers while the sum exceeds its limit.
  func hold(_ bytes: Int, for entry: ConnectionEntry) {
    connections.hold(bytes, for: entry)
    peak.bytes = max(peak.bytes, connections.heldBytes)
    // Ends: every round removes a connection from a queue.
    while connections.heldBytes > limits.maxBytesInFlight,
      let slowest = connections.slowestTransfer(at: loop.now, minAge: limits.minEvictionAge)
    {
      evict(slowest)
    }
  }

  /// Records that `bytes` more were transferred since the entry came into its state.
  func noteSent(_ bytes: Int, for entry: ConnectionEntry) {
    connections.noteSent(bytes, for: entry)
  }

  private func evict(_ entry: ConnectionEntry) {
    connections.evict(entry)
    handler.observe(.evicted)
    loop.interrupt(entry.waitHandle)
  }
}
