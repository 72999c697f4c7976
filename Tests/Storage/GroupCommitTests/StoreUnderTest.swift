import EventLoop
import FaultyDisk
@testable import GroupCommit
import Jobs
import Logging
@testable import Observability
import Samples
import Scratch
import Store
import Synchronization
@testable import System
import Testing
@testable import Time

/// A store on a faulty disk behind a ``Committer``.
///
/// It has one job, "poison".
///
/// Everything runs on the test's own thread.
final class StoreUnderTest {
  let disk: FaultyDisk
  private let writer: StoreWriter
  private let loop: EventLoop
  private let metrics = CommitMetrics(queue: CommitQueue())
  /// Whether the last write failed.
  private(set) var isFailing = false
  /// A text in the middle of the first body of "poison".
  ///
  /// That body takes several pages.
  static let marker = "a place to aim at"

  private let maxWALPages: Int

  init(on disk: FaultyDisk? = nil, maxWALPages: Int = Committer.maxWALPages) throws {
    self.maxWALPages = maxWALPages
    self.disk = try disk ?? FaultyDisk()
    writer = try StoreWriter(path: self.disk.path, busyTimeout: 0)
    loop = EventLoop(kernel: try LinuxKernel())
    guard disk == nil else { return }
    let filler = String(repeating: "x", count: 8000)
    _ = try writer.commit([
      delivery("first", of: "poison", .pending, body: filler + Self.marker + filler)
    ])
  }

  /// How many commits failed.
  var failures: Int { metrics.failures.value }

  /// How many checkpoints were made, except the final one.
  var checkpoints: Int { metrics.checkpoints.value }

  func delivery(
    _ webhookID: String, of prediction: String, _ phase: Phase = .running, body: String = "{}"
  ) -> Delivery {
    return Delivery(
      webhookID: webhookID, receivedAt: Timestamp(milliseconds: 1),
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: phase.rawValue, phase: phase,
        evidence: Evidence(logsSize: 0, outputSize: 0, digest: .repeating(1))),
      body: Array(body.utf8))
  }

  /// Commits `batch`, which the thread finds in its queue all at once.
  func commit(_ batch: [Delivery]) throws -> [Recorder.Outcome] {
    let queue = CommitQueue()
    let outcomes = Outcomes()
    for (index, delivery) in batch.enumerated() {
      loop.start { [loop] in
        let outcome: Recorder.Outcome = await withUnsafeContinuation {
          #expect(queue.submissions.push(.delivery(delivery, LoopContinuation(loop: loop, continuation: $0))))
        }
        outcomes.byIndex.withLock { $0[index] = outcome }
      }
    }
    turnUntilIdle()
    queue.close()
    let committer = Committer(
      writer: writer, queue: queue, checkpointer: Checkpointer(), metrics: metrics,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, maxWALPages: maxWALPages)
    committer.run()
    turnUntilIdle()
    isFailing = queue.isFailing.load(ordering: .relaxed)
    return try outcomes.byIndex.withLock { byIndex in try batch.indices.map { try #require(byIndex[$0]) } }
  }

  private func turnUntilIdle() {
    repeat { loop.turn(waits: false) } while loop.isBusy
  }

  private final class Outcomes: Sendable {
    let byIndex = Mutex<[Int: Recorder.Outcome]>([:])
  }

  /// Runs SQL on a connection of its own.
  func execute(_ sql: String) throws { try Scratch.execute(sql, in: disk.path) }
}
