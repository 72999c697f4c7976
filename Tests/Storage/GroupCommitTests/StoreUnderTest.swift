import EventLoop
import FaultyDisk
@testable import GroupCommit
import Jobs
import Ledger
import StoreSeam
import Logging
@testable import Observability
import SQLite
import SQLiteStore
import Samples
import Scratch
import StoreFixture
import Synchronization
@testable import System
import Testing
@testable import Time

/// A store behind a ``Committer``.
///
/// It has one job, "poison".
///
/// Everything runs on the test's own thread.
class StoreUnderTest {
  private let ledger: Ledger
  private let openReader: () throws -> any StoreReader
  private let loop: EventLoop
  private let metrics = CommitMetrics(queue: CommitQueue())
  /// Whether the last write failed.
  private(set) var isFailing = false
  /// The jobs that each commit has changed, by their ids.
  private(set) var committed: [[CommittedChange]] = []
  /// How many submitters on threads had their results when each commit was reported.
  private(set) var answeredBefore: [Int] = []
  /// A text in the middle of the first body of "poison".
  ///
  /// That body takes several pages.
  static let marker = "a place to aim at"

  /// A store of the kind that the suite runs on.
  static func ofEachKind() throws -> StoreUnderTest {
    let backend = try StoreKind.current.makeBackend(isDurable: false)
    return try StoreUnderTest(backend.open(tables: []), openReader: backend.openReader)
  }

  init(
    _ store: any Store, isFilled: Bool = false, openReader: @escaping () throws -> any StoreReader
  ) throws {
    self.openReader = openReader
    ledger = Ledger(store: store)
    loop = EventLoop(kernel: try LinuxKernel())
    guard !isFilled else { return }
    let filler = String(repeating: "x", count: 8000)
    _ = try ledger.commit([
      delivery("first", of: "poison", .pending, body: filler + Self.marker + filler)
    ])
  }

  /// How many commits failed.
  var failures: Int { metrics.failures.value }
  /// How many transactions were committed.
  var commits: Int { metrics.commits.value }
  /// How many submissions these transactions contained.
  var submissions: Int { metrics.submissions.value }

  func reader() throws -> any StoreReader { try openReader() }

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

  /// What a test submits.
  enum Command {
    case delivery(Delivery)
    case write(@Sendable (LedgerTransaction) throws(StorageError) -> String)
  }

  /// What a submitter receives.
  enum Outcome {
    case recorded(Recording)
    case wrote(String)
    case failed(RecordingFailure)
  }

  /// Commits `batch`, which the thread finds in its queue all at once.
  func commit(_ batch: [Delivery]) throws -> [Recorder.Outcome] {
    try commit(batch.map(Command.delivery)).map { outcome in
      switch outcome {
      case .recorded(let recording): .success(recording)
      case .failed(let failure): .failure(failure)
      case .wrote: .failure(.overloaded)
      }
    }
  }

  /// Commits `batch`, which the thread finds in its queue all at once.
  func commit(_ batch: [Command]) throws -> [Outcome] {
    let queue = CommitQueue()
    let outcomes = Outcomes()
    let submissions = Mutex<[Int: any Submission]>([:])
    for (index, command) in batch.enumerated() {
      switch command {
      case .delivery(let delivery):
        loop.start { [loop] in
          let outcome: Recorder.Outcome = await withUnsafeContinuation { continuation in
            let waiting = LoopContinuation(loop: loop, continuation: continuation)
            submissions.withLock { $0[index] = DeliverySubmission(delivery, waiting) }
          }
          outcomes.set(index, outcome.map(Outcome.recorded))
        }
      case .write(let work):
        // A loop waits for every second one, and a thread for the others.
        let submission = WorkSubmission(reading: .none, loop: index % 2 == 0 ? loop : nil, work) {
          outcomes.set(index, $0.map(Outcome.wrote))
        }
        submissions.withLock { $0[index] = submission }
      }
    }
    turnUntilIdle()
    for index in batch.indices {
      let submission = try #require(submissions.withLock { $0[index] })
      #expect(queue.submissions.push(.command(submission)))
    }
    queue.close()
    let committer = Committer(
      ledger: ledger, queue: queue, metrics: metrics,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) { [self] in
      committed.append($0)
      answeredBefore.append(outcomes.count)
    }
    committer.run()
    turnUntilIdle()
    isFailing = queue.isFailing.load(ordering: .relaxed)
    return try outcomes.byIndex.withLock { byIndex in try batch.indices.map { try #require(byIndex[$0]) } }
  }

  private func turnUntilIdle() {
    repeat { loop.turn(waits: false) } while loop.isBusy
  }

  private final class Outcomes: Sendable {
    let byIndex = Mutex<[Int: Outcome]>([:])
    var count: Int { byIndex.withLock { $0.count } }

    func set(_ index: Int, _ result: Result<Outcome, RecordingFailure>) {
      byIndex.withLock { byIndex in
        switch result {
        case .success(let outcome): byIndex[index] = outcome
        case .failure(let failure): byIndex[index] = .failed(failure)
        }
      }
    }
  }
}

/// A store in a file, on a disk that fails on demand.
final class StoreOnFaultyDisk: StoreUnderTest {
  let disk: FaultyDisk
  private let writerCheckpoints: Count

  private final class Count: Sendable {
    let value = Atomic(0)
  }

  init(on disk: FaultyDisk? = nil, maxWALPages: Int? = nil) throws {
    let usedDisk = try disk ?? FaultyDisk()
    let count = Count()
    (self.disk, writerCheckpoints) = (usedDisk, count)
    let checkpointer = Checkpointer(
      observer: CheckpointObserver(succeeded: { count.value.add(1, ordering: .relaxed) }))
    let path = usedDisk.path
    let store =
      try maxWALPages.map {
        try SQLiteStore(path: path, busyTimeout: 0, checkpointer: checkpointer, maxWALPages: $0)
      } ?? SQLiteStore(path: path, busyTimeout: 0, checkpointer: checkpointer)
    try super.init(store, isFilled: disk != nil) { try SQLiteReader(path: path) }
  }

  /// How many checkpoints the writer made, except the final one.
  var checkpoints: Int { writerCheckpoints.value.load(ordering: .relaxed) }

  /// Runs SQL on a connection of its own.
  func execute(_ sql: String) throws { try Scratch.execute(sql, in: disk.path) }
}
