internal import EventLoop
internal import Time

/// All open connections of a server, with their number and their bytes.
///
/// Both sums are bounded. The table selects the connection to evict when a bound is reached; its owner then
/// closes it.
struct ConnectionTable {
  private var queues = ConnectionEntry.State.allCases.map { _ in ConnectionQueue() }
  private var countByClient: [ClientKey: Int] = [:]
  private(set) var count = 0
  private(set) var heldBytes = 0
  /// The number of connections that serve a stream.
  private(set) var streamCount = 0

  func queue(_ state: ConnectionEntry.State) -> ConnectionQueue { queues[state.rawValue] }

  /// The number of connections of `client`.
  func count(of client: ClientKey) -> Int { countByClient[client] ?? 0 }

  mutating func insert(_ entry: ConnectionEntry) {
    entry.isListed = true
    queues[entry.state.rawValue].append(entry)
    count += 1
    assert(isConsistent, "the table's sums differ from its entries")
  }

  /// Idempotent: an evicted connection is already removed.
  mutating func remove(_ entry: ConnectionEntry) {
    guard entry.isListed else { return }
    hold(0, for: entry)
    endStream(entry)
    entry.isListed = false
    queues[entry.state.rawValue].remove(entry)
    count -= 1
    assert(isConsistent, "the table's sums differ from its entries")
    guard let client = entry.client, let others = countByClient[client].map({ $0 - 1 }) else { return }
    countByClient[client] = others > 0 ? others : nil
  }

  mutating func evict(_ entry: ConnectionEntry) {
    remove(entry)
    entry.isEvicted = true
  }

  mutating func move(_ entry: ConnectionEntry, to state: ConnectionEntry.State, now: MonotonicTime) {
    guard entry.isListed, entry.state != state else { return }
    assert(entry.state.mayBecome(state), "a connection goes from \(entry.state) to \(state)")
    queues[entry.state.rawValue].remove(entry)
    entry.state = state
    entry.since = now
    entry.sentBytes = 0
    queues[state.rawValue].append(entry)
  }

  /// Records the client of `entry`, once it is known.
  mutating func identify(_ entry: ConnectionEntry, as client: ClientKey) {
    guard entry.isListed, entry.client == nil else { return }
    entry.client = client
    countByClient[client, default: 0] += 1
  }

  /// Records the number of bytes that `entry` holds now.
  mutating func hold(_ bytes: Int, for entry: ConnectionEntry) {
    guard entry.isListed else { return }
    heldBytes += bytes - entry.heldBytes
    entry.heldBytes = bytes
  }

  /// Counts `entry` as a stream, until ``endStream(_:)`` or its removal.
  mutating func beginStream(_ entry: ConnectionEntry) {
    guard entry.isListed, !entry.isStream else { return }
    entry.isStream = true
    streamCount += 1
  }

  /// Idempotent.
  mutating func endStream(_ entry: ConnectionEntry) {
    guard entry.isStream else { return }
    entry.isStream = false
    streamCount -= 1
  }

  /// Whether the sums match the queues. Checks only what a few additions can show.
  private var isConsistent: Bool {
    queues.reduce(0) { $0 + $1.count } == count && queues.allSatisfy { ($0.first == nil) == ($0.count == 0) }
      && heldBytes >= 0 && (count > 0 || heldBytes == 0) && (0...count).contains(streamCount)
  }

  /// Records that the peer of `entry` has taken `bytes` more.
  mutating func noteSent(_ bytes: Int, for entry: ConnectionEntry) {
    entry.sentBytes += bytes
  }

  /// The transfer to evict when memory runs out.
  ///
  /// Streams first, because their clients can resume. Then the slowest that has taken longer than `minAge`.
  /// If none has, the response that has waited longest for its reader; else the body that has been arriving
  /// longest.
  func slowestTransfer(at now: MonotonicTime, minAge: Duration) -> ConnectionEntry? {
    slowestTransfer(among: [.streaming], at: now, minAge: minAge)
      ?? slowestTransfer(among: [.sending, .receiving], at: now, minAge: minAge)
  }

  private func slowestTransfer(
    among states: [ConnectionEntry.State], at now: MonotonicTime, minAge: Duration
  ) -> ConnectionEntry? {
    var slowest: (entry: ConnectionEntry, rate: Double)?
    for state in states {
      queue(state).forEach { entry in
        guard entry.heldBytes > 0, now - entry.since > minAge else { return }
        let rate = entry.rate(at: now)
        if slowest.map({ rate < $0.rate }) ?? true { slowest = (entry, rate) }
      }
    }
    if let slowest { return slowest.entry }
    for state in states {
      if let oldest = queue(state).first(where: { $0.heldBytes > 0 }) { return oldest }
    }
    return nil
  }

  /// The connection to evict in favour of `newcomer`.
  ///
  /// A lingering one, else the stream idle for longest, else the connection idle for longest, else a transfer
  /// in progress for longer than `minAge`, streams first. Nil if no other qualifies.
  func evictionCandidate(
    for newcomer: ConnectionEntry?, at now: MonotonicTime, minAge: Duration
  ) -> ConnectionEntry? {
    for state in [ConnectionEntry.State.lingering, .idleStream, .waiting] {
      if let first = queue(state).first, first !== newcomer { return first }
    }
    for state in [ConnectionEntry.State.streaming, .receiving, .sending] {
      if let first = queue(state).first, first !== newcomer, first.since + minAge < now { return first }
    }
    return nil
  }
}

/// A connection's entry in ``ConnectionTable``: its state, since when, and its bytes.
final class ConnectionEntry {
  enum State: Int, CaseIterable {
    /// Waiting for the first byte of a request; draining or eviction may close it.
    case waiting
    /// Receiving a PROXY header, a TLS handshake, a header section or a body.
    case receiving
    /// A complete request is with the handler.
    case handling
    /// Part of the response was sent; the rest waits for the peer.
    case sending
    /// Lingering close: the response was sent, and the peer's remaining bytes are read.
    case lingering
    /// A stream that waits for its peer to send, or to read.
    case streaming
    /// A stream that has nothing to send, perhaps for hours.
    case idleStream

    /// Whether a connection may go from this state to `next`.
    ///
    /// Requests come one after the other: only a complete one is handled, a handled one is answered before
    /// anything else is received, and nothing follows the lingering close. A stream is handled all the time,
    /// except while it waits for its peer.
    fileprivate func mayBecome(_ next: State) -> Bool {
      switch self {
      case .waiting: next != .handling && !next.isOfStream
      case .receiving: !next.isOfStream
      case .handling: next != .receiving
      case .sending: next != .handling && !next.isOfStream
      case .lingering: false
      case .streaming, .idleStream: next == .handling
      }
    }

    private var isOfStream: Bool { self == .streaming || self == .idleStream }
  }

  /// The handle on which the connection's task waits.
  let waitHandle: WaitHandle
  fileprivate(set) var state = State.waiting
  fileprivate(set) var since: MonotonicTime
  fileprivate(set) var client: ClientKey?
  fileprivate(set) var heldBytes = 0
  /// The bytes that the peer has taken since the entry came into this state.
  fileprivate var sentBytes = 0
  /// Evicted from the table. It may still send one last response that fits into the socket buffer.
  fileprivate(set) var isEvicted = false

  fileprivate var isListed = false
  fileprivate(set) var isStream = false
  // The exclusivity check would take as long as the queue operations themselves, three times a request; a
  // queue accesses the links one after the other.
  @exclusivity(unchecked) fileprivate var next: ConnectionEntry?
  @exclusivity(unchecked) fileprivate unowned var previous: ConnectionEntry?

  init(waitHandle: WaitHandle, now: MonotonicTime) {
    self.waitHandle = waitHandle
    since = now
  }

  /// Bytes per nanosecond since it came into this state.
  fileprivate func rate(at now: MonotonicTime) -> Double {
    Double(state == .receiving ? heldBytes : sentBytes) / Double(max(1, (now - since).wholeNanoseconds))
  }
}

/// The entries of one state, longest in that state first.
struct ConnectionQueue {
  private(set) var first: ConnectionEntry?
  private var last: ConnectionEntry?
  private(set) var count = 0

  fileprivate mutating func append(_ entry: ConnectionEntry) {
    entry.previous = last
    entry.next = nil
    if let last { last.next = entry } else { first = entry }
    last = entry
    count += 1
  }

  fileprivate mutating func remove(_ entry: ConnectionEntry) {
    if let previous = entry.previous { previous.next = entry.next } else { first = entry.next }
    if let next = entry.next { next.previous = entry.previous } else { last = entry.previous }
    entry.previous = nil
    entry.next = nil
    count -= 1
  }

  func first(where condition: (ConnectionEntry) -> Bool) -> ConnectionEntry? {
    var current = first
    while let entry = current {
      if condition(entry) { return entry }
      current = entry.next
    }
    return nil
  }

  /// Calls `body` with every entry, oldest first. `body` must not change the queue.
  func forEach(_ body: (ConnectionEntry) -> Void) {
    var current = first
    while let entry = current {
      current = entry.next
      body(entry)
    }
  }
}
