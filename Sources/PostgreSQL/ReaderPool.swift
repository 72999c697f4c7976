internal import System
internal import Time

/// Threads that read from a server, each with a connection of its own.
///
/// The caller suspends meanwhile, so nothing of libpq runs on an event loop. A read that has not ended by its
/// deadline fails then, even while a thread still waits for the server.
///
/// A thread connects for its first read. Where its connection breaks, the read is repeated on a new one, so a
/// failover that takes less than the timeout fails no read.
package final class ReaderPool: Sendable {
  private let queue: ReadQueue
  private let threads: Lock<[Thread]>

  /// - Parameters:
  ///   - name: what `pg_stat_activity` shows of the connections.
  ///   - threads: the number of connections.
  ///   - capacity: the maximum of reads that wait for a thread.
  ///   - timeout: the maximum duration of a read, the wait for a thread included.
  package init(
    to target: ConnectionTarget, named name: String, threads count: Int = 4, capacity: Int = 1024,
    timeout: Duration = .seconds(4)
  ) throws(PostgreSQLError) {
    let queue = ReadQueue(capacity: capacity, timeout: timeout)
    self.queue = queue
    threads = Lock([])
    do {
      var started = [try Thread(named: "pg-deadlines") { queue.enforceDeadlines() }]
      defer { threads.withLock { $0 = started } }
      for number in 1...max(1, count) {
        started.append(
          try Thread(named: "pg-reader-\(number)") {
            ReaderThread(queue, connectingTo: target, named: name).run()
          })
      }
    } catch {
      throw .connection("cannot start the threads that read: \(error)")
    }
  }

  deinit { stop() }

  /// Runs `body` on a thread of the pool, and again where its connection breaks.
  ///
  /// It resumes on the caller's executor.
  package func read<Value: Sendable>(
    _ body: @escaping @Sendable (ReadSession) throws(PostgreSQLError) -> Value
  ) async throws(PostgreSQLError) -> Value {
    let queue = queue
    let result: Result<Value, PostgreSQLError> = await withUnsafeContinuation { continuation in
      queue.add(PendingRead(deadline: queue.nextDeadline, body, resuming: continuation))
    }
    return try result.get()
  }

  /// Fails the reads that wait, and closes the connections. Those under way end by their deadlines.
  package func stop() {
    queue.stop()
    for thread in threads.withLock({ threads in
      defer { threads = [] }
      return threads
    }) {
      thread.join()
    }
  }
}

// MARK: - Reads

/// A read that waits for a thread, or is under way.
private protocol QueuedRead: Sendable {
  var deadline: MonotonicTime { get }
  var hasEnded: Bool { get }
  /// Runs the read, and resumes its caller unless it throws.
  func run(in session: ReadSession) throws(PostgreSQLError)
  func fail(_ error: PostgreSQLError)
}

private final class PendingRead<Value: Sendable>: QueuedRead {
  typealias Body = @Sendable (ReadSession) throws(PostgreSQLError) -> Value
  typealias Continuation = UnsafeContinuation<Result<Value, PostgreSQLError>, Never>

  let deadline: MonotonicTime
  private let body: Body
  /// Nil once the caller was resumed.
  private let continuation: Lock<Continuation?>

  init(deadline: MonotonicTime, _ body: @escaping Body, resuming continuation: Continuation) {
    self.deadline = deadline
    self.body = body
    self.continuation = Lock(continuation)
  }

  var hasEnded: Bool { continuation.withLock { $0 == nil } }

  func run(in session: ReadSession) throws(PostgreSQLError) { end(.success(try body(session))) }

  func fail(_ error: PostgreSQLError) { end(.failure(error)) }

  private func end(_ result: Result<Value, PostgreSQLError>) {
    continuation.withLock { $0.take() }?.resume(returning: result)
  }
}

/// The reads that wait for a thread, and the deadlines of all.
private final class ReadQueue: Sendable {
  let timeout: Duration
  let stopSignal = StopSignal()
  private let waiting: SharedQueue<any QueuedRead>
  private let watched = Lock(Watched())
  /// Wakes the thread that enforces deadlines, once there are some.
  private let firstDeadline = BlockingQueue<Bool>(capacity: 1)

  private struct Watched {
    var reads: [any QueuedRead] = []
    var isWatching = false
  }

  /// The interval at which deadlines are enforced.
  private static let resolution = Duration.milliseconds(100)

  init(capacity: Int, timeout: Duration) {
    self.timeout = timeout
    waiting = SharedQueue(capacity: capacity)
  }

  var nextDeadline: MonotonicTime { MonotonicClock.now + timeout }

  func add(_ read: any QueuedRead) {
    let mustWake = watched.withLock { watched in
      watched.reads.append(read)
      defer { watched.isWatching = true }
      return !watched.isWatching
    }
    if mustWake { _ = firstDeadline.push(true) }
    guard !waiting.push(read) else { return }
    read.fail(stopSignal.isRaised ? Self.isStopping : .timedOut("too many reads wait for the database"))
  }

  /// The next read that has not ended. Nil once the pool stops.
  func next() -> (any QueuedRead)? {
    while let read = waiting.pop() {
      if !read.hasEnded { return read }
    }
    return nil
  }

  private static let isStopping = PostgreSQLError.connection("the program is shutting down")

  func stop() {
    stopSignal.raise()
    waiting.close()
    while let read = waiting.pop() { read.fail(Self.isStopping) }
    firstDeadline.close()
  }

  /// Fails reads at their deadlines, until the pool stops.
  ///
  /// The threads keep the deadlines of the reads under way. A read that waits for a thread has only this one.
  func enforceDeadlines() {
    while firstDeadline.popAll() != nil {
      while failOverdueReads() { Thread.sleep(for: Self.resolution) }
    }
  }

  /// - Returns: whether there are reads left to watch.
  private func failOverdueReads() -> Bool {
    let now = MonotonicClock.now
    let (overdue, isWatching) = watched.withLock { watched in
      watched.reads.removeAll(where: \.hasEnded)
      watched.isWatching = !watched.reads.isEmpty
      return (watched.reads.filter { $0.deadline <= now }, watched.isWatching)
    }
    for read in overdue { read.fail(.timedOut("the database did not answer within \(timeout)")) }
    return isWatching
  }
}

// MARK: - Threads

/// A thread of the pool, with its connection.
private final class ReaderThread {
  private let queue: ReadQueue
  private let target: ConnectionTarget
  private let name: String
  private var connection: Connection?
  /// When the last success ended, while reads fail.
  private var failsSince: MonotonicTime?

  /// After so long without a success, a read is tried once instead of until its deadline.
  private static let maxOutage = Duration.seconds(10)
  /// The pause before a failed read is repeated, which doubles up to the maximum.
  private static let minPause = Duration.milliseconds(20)
  private static let maxPause = Duration.milliseconds(320)

  init(_ queue: ReadQueue, connectingTo target: ConnectionTarget, named name: String) {
    self.queue = queue
    self.target = target
    self.name = name
  }

  func run() {
    while let read = queue.next() { serve(read) }
  }

  private func serve(_ read: any QueuedRead) {
    var pause = Self.minPause
    while true {
      // The server may have closed it while it was idle.
      let isReused = connection != nil
      do throws(PostgreSQLError) {
        try attempt(read)
        failsSince = nil
        return
      } catch {
        guard error.mayPass, !read.hasEnded else { return read.fail(error) }
        if isReused { continue }
        guard canRepeat(read, after: pause), queue.stopSignal.pause(for: pause) else {
          return read.fail(error)
        }
        pause = min(pause * 2, Self.maxPause)
      }
    }
  }

  private func attempt(_ read: any QueuedRead) throws(PostgreSQLError) {
    let connection =
      if let connection { connection } else {
        try Connection(to: target, named: name, deadline: read.deadline)
      }
    // After an error it is closed: a transaction may be open, or an answer may follow.
    self.connection = nil
    try read.run(in: ReadSession(connection, deadline: read.deadline, timeout: queue.timeout))
    self.connection = connection
  }

  private func canRepeat(_ read: any QueuedRead, after pause: Duration) -> Bool {
    let now = MonotonicClock.now
    let failsSince = failsSince ?? now
    self.failsSince = failsSince
    return now - failsSince < Self.maxOutage && now + pause < read.deadline
  }
}

extension PostgreSQLError {
  /// Whether the same read may succeed on a new connection.
  fileprivate var mayPass: Bool {
    switch self {
    case .connection: true
    // Class 08 is a connection exception, 53 a lack of resources, 57P the server's shutdown or start:
    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    case .server(let state, _): ["08", "53"].contains(state.category) || state.rawValue.hasPrefix("57P")
    case .timedOut, .unexpected: false
    }
  }
}
