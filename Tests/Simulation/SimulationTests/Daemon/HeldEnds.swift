import EventLoop
import GroupCommit
import HTTPServer
import Jobs
import JobsAPI
import Ledger
import Settings
import StoreSeam
import Time
import Work

/// A capability that holds two thirds of the successes back, and releases most of those.
///
/// What it does is decided by the digest of the snapshot, so that it is the same in every life of the daemon.
struct HeldEnds: Capability {
  /// The code of a job that is not released in time.
  static let code = "not_kept"
  fileprivate static let kind = WorkKind(rawValue: "held_end")
  /// From the success to the deadline, in milliseconds.
  static let hold: Int64 = 90_000

  init() {}
  init(from reader: inout SettingsReader) {}

  var hook: (any TransactionHook)? { Hook() }
  var workKinds: [WorkKind] { [Self.kind] }
  var endGate: (any EndGate)? { Gate() }

  func service(_ context: ServiceContext) -> (any Service)? {
    Releases(loop: context.loop, queue: context.queue)
  }

  /// Whether the gate holds that success.
  static func holds(_ end: Snapshot) -> Bool { end.evidence.digest.bytes[0] % 3 != 0 }

  /// When a held end is released after the success, in milliseconds. Nil for never.
  static func pause(of end: Snapshot) -> Int64? {
    let number = Int64(end.evidence.digest.bytes[1])
    return number % 4 == 0 ? nil : number % 4 * 7000
  }

  private struct Gate: EndGate {
    let failure = JobError(code: HeldEnds.code, message: nil)

    func hold(
      _ end: Snapshot, of job: Job, number: Int64, reading rows: HookRows
    ) throws(StorageError) -> Timestamp? {
      HeldEnds.holds(end) ? job.updatedAt.advanced(byMilliseconds: HeldEnds.hold) : nil
    }
  }

  /// Queues the releases.
  private struct Hook: TransactionHook {
    func writes(
      after transitions: [JobTransition], reading rows: HookRows
    ) throws(StorageError) -> HookWrites {
      var writes = HookWrites()
      for transition in transitions where transition.holdsEnd {
        guard let job = transition.after?.job, let end = job.snapshot, let pause = HeldEnds.pause(of: end)
        else { continue }
        let due = job.updatedAt.advanced(byMilliseconds: pause)
        writes.work.append(.insert(WorkItem(WorkKey(HeldEnds.kind, job: transition.number), dueAt: due)))
      }
      return writes
    }
  }

  /// Touches each held job when its release is due, and releases it a second later.
  private actor Releases: Service {
    private nonisolated let loop: EventLoop
    private nonisolated let timer: WakeableTimer
    private let recorder: Recorder

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop, queue: CommitQueue) {
      self.loop = loop
      timer = WakeableTimer(loop: loop)
      recorder = Recorder(loop: loop, queue: queue)
    }

    func run() async {
      await withTaskCancellationHandler {
        while !Task.isCancelled {
          let now = Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds)
          _ = await recorder.write { (transaction) throws(StorageError) in
            for var item in try transaction.dueWork(HeldEnds.kind, at: now, limit: 10) {
              if item.tries == 0 {
                try transaction.touch(item.key.job)
                item.tries = 1
                item.dueAt = now.advanced(byMilliseconds: 1000)
                transaction.write(.update(item))
              } else {
                try transaction.release(item.key.job, as: .succeeded, at: now)
                transaction.write(.delete(item.key))
              }
            }
          }
          await timer.sleep(until: loop.kernel.monotonicTime + .seconds(2))
        }
      } onCancel: {
        timer.wake()
      }
    }
  }
}

extension DaemonSimulation {
  /// Notes how a success has ended that may have been held.
  func noteEnd(of job: Job, released isReleased: Bool) {
    if isReleased { counts[.releasedEnd] += 1 }
    if job.error?.code == HeldEnds.code { counts[.expiredHold] += 1 }
  }
}
