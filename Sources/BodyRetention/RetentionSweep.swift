internal import EventLoop
internal import GroupCommit
internal import JobsAPI
internal import Ledger
internal import Logging
internal import Observability
internal import StoreSeam
internal import Time

/// Erases the bodies of jobs that ended `BODY_RETENTION` ago: passes in short steps.
actor RetentionSweep: Service {
  private nonisolated let loop: EventLoop
  private nonisolated let timer: WakeableTimer
  private let recorder: Recorder
  private let retention: Duration
  private let erasedJobs: Counter
  private let logger: Logger
  /// The difference between the clocks at the last look: a jump of the wall clock changes it.
  private var offset: Int64

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// The names of the lease: one process has the duty for all.
  private static let duty = "body-retention"
  private static let lease = Duration.seconds(60)
  private static let batchSize = 20
  /// Room for other commits between two steps.
  private static let stepPause = Duration.milliseconds(20)
  private static let maxPause = Duration.seconds(3600)
  private static let minPause = Duration.seconds(1)
  /// Of the wall clock against the other, in milliseconds.
  private static let maxDrift: Int64 = 30_000

  init(
    loop: EventLoop, queue: CommitQueue, retention: Duration, erasedJobs: Counter, logger: Logger
  ) {
    self.loop = loop
    timer = WakeableTimer(loop: loop)
    recorder = Recorder(loop: loop, queue: queue)
    self.retention = retention
    self.erasedJobs = erasedJobs
    self.logger = logger
    offset = Self.offset(loop)
  }

  /// Between two passes, and before the first: the clock may be wrong at start.
  private var pause: Duration { min(Self.maxPause, max(Self.minPause, retention)) }

  func run() async {
    await withTaskCancellationHandler {
      while !Task.isCancelled {
        await timer.sleep(until: loop.kernel.monotonicTime + pause)
        guard !Task.isCancelled, !hasClockJumped() else { continue }
        await runPass()
      }
    } onCancel: {
      timer.wake()
    }
  }

  private static func offset(_ loop: EventLoop) -> Int64 {
    let elapsed = (loop.kernel.monotonicTime - MonotonicTime(nanoseconds: 0)).components
    return loop.kernel.wallTimeMilliseconds - elapsed.seconds * 1000
  }

  /// Whether the wall clock was set since the last look. Then it may be wrong, and the pass waits.
  private func hasClockJumped() -> Bool {
    let before = offset
    offset = Self.offset(loop)
    return abs(offset - before) > Self.maxDrift
  }

  private func runPass() async {
    var (position, isContiguous, total): (Int64?, Bool, Int) = (nil, true, 0)
    let milliseconds = retention.components.seconds * 1000
    repeat {
      let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
      let (start, contiguous) = (position, isContiguous)
      let result = await recorder.write { (transaction) throws(StorageError) -> ErasureStep in
        guard try transaction.holdsLease(Self.duty, for: Self.lease, at: now) else {
          return ErasureStep(isContiguous: false)
        }
        let position = if let start { start } else { try transaction.erasureMark() }
        return try transaction.eraseOldBodies(
          endedBefore: now.advanced(byMilliseconds: -milliseconds), at: now, after: position,
          count: Self.batchSize, isContiguous: contiguous)
      }
      // The commit thread has logged why it failed; the next pass begins at the mark.
      guard let step = try? result.get() else { break }
      (position, isContiguous) = (step.next, step.isContiguous)
      total += step.erased
      erasedJobs.add(step.erased)
      guard await loop.pause(for: Self.stepPause) else { break }
    } while position != nil
    if total > 0 { logger.log(.bodiesErased(count: total)) }
  }
}

extension LogEntry {
  static func bodiesErased(count: Int) -> LogEntry {
    LogEntry(.info, "bodies of jobs erased after BODY_RETENTION", ["count": .number(count)])
  }
}
