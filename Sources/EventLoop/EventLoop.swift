internal import Glibc
internal import Synchronization
internal import System
package import Time

/// A single-threaded event loop: runs tasks, polls sockets, keeps deadlines.
///
/// It is both a serial executor and a task executor. As a serial executor alone, every resumption would first
/// be scheduled on the global pool (about 30 µs instead of 0.25). Start tasks with ``start(_:)``, never with
/// `Task {}`.
///
/// `@unchecked Sendable`: only the inbox, the thread's number and the stop flag are shared. Everything else
/// is confined to the loop's thread, which ``assertOnLoop()`` checks in debug builds.
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  package let kernel: any Kernel
  /// The time at the start of this turn: accurate enough for deadlines, and free.
  package private(set) var now: MonotonicTime
  private let lag: LoopLag

  private var jobs: [UnownedJob] = []
  private var deadlines = DeadlineQueue()
  private var registrations = Registrations()
  private var events: [ReadyEvent] = []
  private var turnEnd: [() -> Void] = []
  private let scratch: UnsafeMutableRawBufferPointer

  private let inbox = Lock(Inbox())
  private let isStopping = Atomic(false)
  private let thread = Atomic<UInt>(0)

  private struct Inbox {
    var jobs: [UnownedJob] = []
    var closures: [@Sendable () -> Void] = []
    var hasWoken = false
  }

  /// The maximum number of bytes per read.
  ///
  /// One buffer serves all sockets of the loop, so an idle connection owns none.
  package static let scratchSize = 64 * 1024
  /// The maximum rounds of jobs between two polls of the sockets.
  ///
  /// Jobs that start jobs must not starve the sockets.
  private static let roundsPerTurn = 8

  /// - Parameter lag: records how long turns take and how late timers run.
  package init(kernel: any Kernel, lag: LoopLag = LoopLag()) {
    self.kernel = kernel
    self.lag = lag
    now = kernel.monotonicTime
    scratch = .allocate(byteCount: Self.scratchSize, alignment: 16)
  }

  deinit {
    scratch.deallocate()
  }

  /// Runs turns until ``stop()``. The calling thread becomes the loop's thread.
  package func run() {
    while !isStopping.load(ordering: .acquiring) { turn() }
  }

  /// Makes ``run()`` return after its current turn. Callable from any thread.
  package func stop() {
    isStopping.store(true, ordering: .releasing)
    kernel.wake()
  }

  /// Runs one turn: runs ready jobs, waits for events, delivers them.
  ///
  /// Simulations call it directly.
  ///
  /// - Parameter waits: false polls once and returns without blocking.
  package func turn(waits: Bool = true) {
    claimThread()
    runJobs()
    takeInbox()
    endTurn()
    wait(until: waits && jobs.isEmpty ? deadlines.next : now)
    deliverEvents()
    expireDeadlines()
    takeInbox()
  }

  /// Whether a turn would have work without waiting.
  package var isBusy: Bool {
    !jobs.isEmpty || deadlines.next.map { $0 <= now } ?? false
  }

  private func wait(until deadline: MonotonicTime?) {
    let start = kernel.monotonicTime
    lag.endTurn(at: start)
    kernel.wait(from: start, until: deadline, into: &events)
    now = kernel.monotonicTime
    // A deadline before the wait is late because of the turn, which is recorded already.
    if let deadline { lag.recordTimer(dueAt: max(deadline, start), at: now) }
    lag.beginTurn(at: now)
  }

  private func runJobs() {
    for _ in 0..<Self.roundsPerTurn where !jobs.isEmpty {
      let round = jobs
      jobs.removeAll(keepingCapacity: true)
      for job in round {
        job.runSynchronously(
          isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
    }
  }

  private func endTurn() {
    guard !turnEnd.isEmpty else { return }
    let closures = turnEnd
    turnEnd.removeAll(keepingCapacity: true)
    for closure in closures { closure() }
  }

  private func takeInbox() {
    let taken = inbox.withLock { inbox in
      defer { inbox = Inbox() }
      return inbox
    }
    jobs.append(contentsOf: taken.jobs)
    for closure in taken.closures { closure() }
  }

  private func deliverEvents() {
    for event in events {
      guard let handle = registrations[event.token] else { continue }
      if event.isReadable { handle.canRead = true }
      if event.isWritable { handle.canWrite = true }
      if event.isHangUp { handle.hungUp = true }
      if handle.isSatisfied { handle.end(.ready) }
    }
    events.removeAll(keepingCapacity: true)
  }

  private func expireDeadlines() {
    while let handle = deadlines.popExpired(at: now) {
      guard handle.isWaiting else { continue }
      if handle.deadline <= now {
        handle.end(.deadline)
      } else if handle.isSatisfied {
        handle.end(.ready)
      } else {
        // It was queued for an earlier wait of the same socket; the current wait ends later.
        deadlines.insert(handle, at: handle.deadline)
      }
    }
  }
}

// MARK: - Executor

extension EventLoop {
  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isOnLoop {
      jobs.append(job)
    } else {
      deposit { $0.jobs.append(job) }
    }
  }

  /// Runs `closure` on the loop in a later turn.
  ///
  /// Callable from any thread; a batch of closures costs one wake-up.
  package func post(_ closure: @escaping @Sendable () -> Void) {
    deposit { $0.closures.append(closure) }
  }

  /// Runs `closure` once at the end of this turn, before the loop waits.
  ///
  /// Used for work that is cheaper when done once for many tasks. On the loop's thread only.
  package func atEndOfTurn(_ closure: @escaping () -> Void) {
    assertOnLoop()
    turnEnd.append(closure)
  }

  /// Starts a task that runs on this loop, with all its children.
  @discardableResult
  package func start(_ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
    Task(executorPreference: self) { await operation() }
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  package func asUnownedTaskExecutor() -> UnownedTaskExecutor {
    UnownedTaskExecutor(ordinary: self)
  }

  package func checkIsolated() {
    precondition(isOnLoop, "not on the loop's thread")
  }

  private func deposit(_ change: (inout Inbox) -> Void) {
    let mustWake = inbox.withLock { inbox in
      change(&inbox)
      defer { inbox.hasWoken = true }
      return !inbox.hasWoken
    }
    if mustWake { kernel.wake() }
  }

  private var isOnLoop: Bool {
    thread.load(ordering: .relaxed) == UInt(pthread_self())
  }

  private func claimThread() {
    thread.store(UInt(pthread_self()), ordering: .relaxed)
  }

  private func assertOnLoop() {
    assert(isOnLoop, "not on the loop's thread")
  }
}

// MARK: - Waiting

extension EventLoop {
  /// Waits until `handle` is ready for `interest`, or `deadline` has passed.
  ///
  /// A peer that is always ready neither starves the loop nor outlives its deadline. A wait that is satisfied
  /// from the start ends in the next turn. One that starts after its deadline ends at once.
  func wait(_ handle: WaitHandle, for interest: WaitHandle.Interest, until deadline: MonotonicTime) async
    -> WaitOutcome
  {
    assertOnLoop()
    return await withUnsafeContinuation { continuation in
      handle.begin(interest, until: deadline, continuation)
      if interest != .time, deadline <= now {
        handle.end(.deadline)
      } else if handle.isSatisfied {
        deadlines.insert(handle, at: now)
      } else if handle.heapIndex == nil || deadline < handle.wakesAt {
        deadlines.insert(handle, at: deadline)
      }
    }
  }

  /// Sleeps until `deadline`, or until `handle` is interrupted.
  package func sleep(_ handle: WaitHandle = WaitHandle(descriptor: nil), until deadline: MonotonicTime) async
    -> WaitOutcome
  {
    await wait(handle, for: .time, until: deadline)
  }

  /// Creates a handle for a sleep that can be interrupted.
  package func makeWaitHandle() -> WaitHandle {
    WaitHandle(descriptor: nil)
  }

  /// Ends the wait on `handle`, if there is one.
  package func interrupt(_ handle: WaitHandle) {
    assertOnLoop()
    handle.end(.interrupted)
  }

  /// Releases a handle whose last sleep was interrupted before its deadline.
  ///
  /// Until then the loop keeps the handle.
  package func forgetDeadline(of handle: WaitHandle) {
    assertOnLoop()
    deadlines.remove(handle)
  }

  /// Takes ownership of `descriptor` and watches it until ``release(_:)`` closes it.
  ///
  /// On failure the descriptor is closed.
  func adopt(_ descriptor: Int32) throws(SystemError) -> WaitHandle {
    assertOnLoop()
    let handle = WaitHandle(descriptor: descriptor)
    handle.token = registrations.insert(handle)
    do {
      try kernel.watch(descriptor, token: handle.token)
    } catch {
      release(handle)
      throw error
    }
    return handle
  }

  func release(_ handle: WaitHandle) {
    assertOnLoop()
    deadlines.remove(handle)
    registrations.remove(handle.token)
    if let descriptor = handle.descriptor { kernel.close(descriptor) }
  }

  /// Reads at most `limit` bytes into the scratch buffer and passes them to `consume`.
  func receive(
    from descriptor: Int32, limit: Int, _ consume: (UnsafeRawBufferPointer) -> Void
  ) -> TransferResult {
    let target = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(limit, Self.scratchSize)])
    let result = kernel.receive(from: descriptor, into: target)
    if case .transferred(let count) = result {
      consume(UnsafeRawBufferPointer(rebasing: target[..<count]))
    }
    return result
  }
}
