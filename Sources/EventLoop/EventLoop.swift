internal import Glibc
internal import Synchronization
internal import System
package import Time

/// One thread that runs tasks, waits for sockets and keeps deadlines: a serial executor and a task executor at once.
///
/// Both are needed. As a serial executor alone, every resumption of a task would first be scheduled on the global pool
/// and only then come here (about 30 µs instead of 0.25). Start tasks with ``start(_:)``, never with `Task {}`.
///
/// `@unchecked Sendable`: everything but the inbox, the thread's number and the stop flag is touched on the loop's own
/// thread only, which ``assertOnLoop()`` checks in debug builds.
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  package let kernel: any Kernel
  /// The time at the beginning of this turn: good enough for deadlines, and free.
  package private(set) var now: MonotonicTime

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

  /// Bytes read at most at once. One buffer serves all sockets of the loop, so that an idle connection owns none.
  package static let scratchSize = 64 * 1024
  /// Rounds of jobs between two looks at the sockets: jobs that start jobs must not starve them.
  private static let roundsPerTurn = 8

  package init(kernel: any Kernel) {
    self.kernel = kernel
    now = kernel.monotonicTime
    scratch = .allocate(byteCount: Self.scratchSize, alignment: 16)
  }

  deinit {
    scratch.deallocate()
  }

  /// Runs until ``stop()``. The calling thread becomes the loop's thread.
  package func run() {
    while !isStopping.load(ordering: .acquiring) { turn() }
  }

  /// Ends ``run()`` after its current turn. From any thread.
  package func stop() {
    isStopping.store(true, ordering: .releasing)
    kernel.wake()
  }

  /// One turn: run what can run, wait for more, deliver what came. Simulations call it themselves.
  ///
  /// - Parameter waits: false looks whether something has come, and returns.
  package func turn(waits: Bool = true) {
    claimThread()
    runJobs()
    takeInbox()
    endTurn()
    kernel.wait(until: waits && jobs.isEmpty ? deadlines.next : now, into: &events)
    now = kernel.monotonicTime
    deliverEvents()
    expireDeadlines()
    takeInbox()
  }

  /// Whether a turn would find something to do without waiting.
  package var isBusy: Bool {
    !jobs.isEmpty || deadlines.next.map { $0 <= now } ?? false
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
        // It was queued for an earlier wait of the same socket, and waits for something later now.
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

  /// Runs `closure` on the loop, soon. From any thread; a batch of closures costs one wake-up.
  package func post(_ closure: @escaping @Sendable () -> Void) {
    deposit { $0.closures.append(closure) }
  }

  /// Runs `closure` once, when what can run in this turn has run and before the loop waits: for what is better done for
  /// many at once. On the loop's thread only.
  package func atEndOfTurn(_ closure: @escaping () -> Void) {
    assertOnLoop()
    turnEnd.append(closure)
  }

  /// Starts a task that lives on this loop, with all its children.
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
  /// Waits until `handle` can do what `interest` says, or `deadline` has passed.
  ///
  /// A peer that always has more to give neither keeps the loop nor outlives its deadline: a wait that is
  /// satisfied from the beginning ends in the next turn, and one that begins after its deadline ends with it.
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

  /// Returns at `deadline`, or earlier where `handle` is interrupted.
  package func sleep(_ handle: WaitHandle = WaitHandle(descriptor: nil), until deadline: MonotonicTime) async
    -> WaitOutcome
  {
    await wait(handle, for: .time, until: deadline)
  }

  /// A place to sleep at that can be interrupted.
  package func makeWaitHandle() -> WaitHandle {
    WaitHandle(descriptor: nil)
  }

  /// Ends the wait of whoever waits at `handle`, if anybody does.
  package func interrupt(_ handle: WaitHandle) {
    assertOnLoop()
    handle.end(.interrupted)
  }

  /// Takes over `descriptor`: watches it, and closes it with ``release(_:)``. On failure the descriptor is closed.
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

  /// Reads at most `limit` bytes into the loop's scratch buffer and hands them to `consume`.
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
