internal import EventLoop
internal import Time

/// All open connections of one server, and the two sums that are bounded: their number and their bytes.
///
/// Decides who gives way when a bound is reached; whoever holds the table then ends the connection.
struct ConnectionTable {
  private var queues = ConnectionEntry.State.allCases.map { _ in ConnectionQueue() }
  private var countByClient: [ClientKey: Int] = [:]
  private(set) var count = 0
  private(set) var heldBytes = 0

  func queue(_ state: ConnectionEntry.State) -> ConnectionQueue { queues[state.rawValue] }

  /// How many connections `client` has.
  func count(of client: ClientKey) -> Int { countByClient[client] ?? 0 }

  mutating func insert(_ entry: ConnectionEntry) {
    entry.isListed = true
    queues[entry.state.rawValue].append(entry)
    count += 1
  }

  /// Idempotent: a connection that was displaced is gone already.
  mutating func remove(_ entry: ConnectionEntry) {
    guard entry.isListed else { return }
    hold(0, for: entry)
    entry.isListed = false
    queues[entry.state.rawValue].remove(entry)
    count -= 1
    guard let client = entry.client, let others = countByClient[client].map({ $0 - 1 }) else { return }
    countByClient[client] = others > 0 ? others : nil
  }

  mutating func evict(_ entry: ConnectionEntry) {
    remove(entry)
    entry.isEvicted = true
  }

  mutating func move(_ entry: ConnectionEntry, to state: ConnectionEntry.State, now: MonotonicTime) {
    guard entry.isListed, entry.state != state else { return }
    queues[entry.state.rawValue].remove(entry)
    entry.state = state
    entry.since = now
    entry.sentBytes = 0
    queues[state.rawValue].append(entry)
  }

  /// Says who is at the other end, once that is known.
  mutating func identify(_ entry: ConnectionEntry, as client: ClientKey) {
    guard entry.isListed, entry.client == nil else { return }
    entry.client = client
    countByClient[client, default: 0] += 1
  }

  /// Says how many bytes `entry` holds now.
  mutating func hold(_ bytes: Int, for entry: ConnectionEntry) {
    guard entry.isListed else { return }
    heldBytes += bytes - entry.heldBytes
    entry.heldBytes = bytes
  }

  /// Records that the peer of `entry` has taken `bytes` more.
  mutating func noteSent(_ bytes: Int, for entry: ConnectionEntry) {
    entry.sentBytes += bytes
  }

  /// The transfer to evict when bytes run out: the slowest that has taken longer than `minAge`, else
  /// the answer that has waited for its reader longest, else the body that has been arriving for longest.
  func slowestTransfer(at now: MonotonicTime, minAge: Duration) -> ConnectionEntry? {
    var slowest: (entry: ConnectionEntry, rate: Double)?
    for state in [ConnectionEntry.State.sending, .receiving] {
      queue(state).forEach { entry in
        guard entry.heldBytes > 0, now - entry.since > minAge else { return }
        let rate = entry.rate(at: now)
        if slowest.map({ rate < $0.rate }) ?? true { slowest = (entry, rate) }
      }
    }
    return slowest?.entry ?? queue(.sending).first { $0.heldBytes > 0 }
      ?? queue(.receiving).first { $0.heldBytes > 0 }
  }

  /// Who gives way to `newcomer`: a connection that has said everything, else the one that has been silent for longest,
  /// else a message that has been on its way for longer than `patience`. Nil where all others deserve to stay.
  func evictionCandidate(
    for newcomer: ConnectionEntry?, at now: MonotonicTime, minAge: Duration
  ) -> ConnectionEntry? {
    for state in [ConnectionEntry.State.lingering, .waiting] {
      if let first = queue(state).first, first !== newcomer { return first }
    }
    for state in [ConnectionEntry.State.receiving, .sending] {
      if let first = queue(state).first, first !== newcomer, first.since + minAge < now { return first }
    }
    return nil
  }
}

/// One connection as ``ConnectionTable`` knows it: what it is doing, since when, and how many bytes it holds.
final class ConnectionEntry {
  enum State: Int, CaseIterable {
    /// For the first byte of a request: draining and need of room may close it.
    case waiting
    /// A PROXY header, a handshake, a header section or a body has begun to come.
    case receiving
    /// A request was received whole, and its answer is being made.
    case handling
    /// A part of the answer was sent, and the rest waits for the peer to take it.
    case sending
    /// Everything was said; the peer's rest is read so that it can read ours.
    case lingering
  }

  /// Where the connection's task waits.
  let waitHandle: WaitHandle
  fileprivate(set) var state = State.waiting
  fileprivate(set) var since: MonotonicTime
  fileprivate(set) var client: ClientKey?
  fileprivate(set) var heldBytes = 0
  /// What the peer has taken since it came into this state.
  fileprivate var sentBytes = 0
  /// Taken out of the table to make room: it may say one last word that fits into the socket, and ends.
  fileprivate(set) var isEvicted = false

  fileprivate var isListed = false
  // The check that nobody else is using them would take as long as what is done with them, three times a request; and a
  // queue uses them one after the other.
  @exclusivity(unchecked) fileprivate var next: ConnectionEntry?
  @exclusivity(unchecked) fileprivate unowned var previous: ConnectionEntry?

  init(waitHandle: WaitHandle, now: MonotonicTime) {
    self.waitHandle = waitHandle
    since = now
  }

  /// Bytes per nanosecond since it came into this state, with some time behind it.
  fileprivate func rate(at now: MonotonicTime) -> Double {
    Double(state == .receiving ? heldBytes : sentBytes) / Double(max(1, (now - since).wholeNanoseconds))
  }
}

/// Entries of one state, in the order in which they came into it: the first has been in it for longest.
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

  /// Calls `body` with every entry, oldest first; it may not change the queue.
  func forEach(_ body: (ConnectionEntry) -> Void) {
    var current = first
    while let entry = current {
      current = entry.next
      body(entry)
    }
  }
}
