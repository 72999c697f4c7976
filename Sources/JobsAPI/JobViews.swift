package import EventLoop
internal import HTTPWire
internal import JobRequests
internal import Jobs
internal import Replicate
internal import Routing
package import Scheduler
package import Ledger
internal import Time

/// Reads jobs together with the orders behind them, as the API shows them.
package final class JobViews {
  let loop: EventLoop
  private let reader: StoreReader
  private let pace: CreationPace

  /// The maximum number of earlier orders that are counted for ``NextTry``.
  ///
  /// After so many, an order is certainly not sent soon.
  private static let maxCountedOrders = 10_000

  package init(loop: EventLoop, reader: StoreReader, pace: CreationPace) {
    self.loop = loop
    self.reader = reader
    self.pace = pace
  }

  var now: Timestamp { Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds) }

  /// Reads from the store, whose failure is a 503.
  func read<Result>(_ body: (StoreReader) throws(StorageError) -> Result) throws(Problem) -> Result {
    do throws(StorageError) {
      return try body(reader)
    } catch {
      throw .unavailable(.storeUnavailable, "the store could not be read", reason: "\(error)")
    }
  }

  /// The job with that id, without its order.
  func job(_ id: String) throws(Problem) -> StoredJob {
    let found = try read { (reader) throws(StorageError) in try reader.job(id) }
    guard let found else { throw .jobNotFound }
    return found
  }

  /// The job with that id, and its order.
  func view(_ id: String) throws(Problem) -> JobView {
    let stored = try job(id)
    // Of a job that was not created here, only a cancel request can be shown, until the job has ended.
    guard stored.job.origin != nil || !stored.job.phase.isTerminal else { return JobView(stored, nil, nil) }
    let order = try read { (reader) throws(StorageError) in try reader.order(ofJob: stored.number) }
    return try view(of: stored, order)
  }

  /// The view of a job and its order that are at hand.
  func view(of stored: StoredJob, _ order: StoredOrder?) throws(Problem) -> JobView {
    guard let order, !stored.job.phase.isTerminal else { return JobView(stored, order, nil) }
    return JobView(stored, order, try nextTry(of: order))
  }

  private func nextTry(of order: StoredOrder) throws(Problem) -> NextTry {
    let now = now
    guard order.stage == .queued, let due = order.dueAt, due <= now else {
      return NextTry(of: order, at: now, pace: pace.state, queuedBefore: 0)
    }
    let count = try read { (reader) throws(StorageError) in
      try reader.queuedOrders(before: due, limit: Self.maxCountedOrders)
    }
    return NextTry(of: order, at: now, pace: pace.state, queuedBefore: count)
  }
}

/// A job, its order, and the entity tag of both.
///
/// A class, because it is large and passed through many functions.
final class JobView {
  let stored: StoredJob
  /// Nil where nothing was requested here, and where a job that was not created here has ended.
  let order: StoredOrder?
  /// The order's next create call; nil where the job has ended.
  let next: NextTry?
  /// Changes with everything that a document can show, the progress of the order included.
  let tag: EntityTag

  fileprivate init(_ stored: StoredJob, _ order: StoredOrder?, _ next: NextTry?) {
    self.stored = stored
    self.order = order
    self.next = next
    tag = EntityTag(of: stored.job, JobDocument.shown(order, of: stored.job), next)
  }
}

// MARK: - Documents

extension JobViews {
  /// The job's whole document.
  ///
  /// - Parameter request: what was posted for it, where that is parsed already.
  func document(of view: JobView, _ request: PredictionRequest? = nil) throws(Problem) -> [UInt8] {
    JobDocument.whole(
      view.stored.job, try parts(of: view.stored), body: view.stored.body, order: view.order, view.next,
      attempts: try attempts(of: view), request: request ?? view.order?.parsedRequest)
  }

  /// The parts of the stored body; nil where no snapshot has arrived yet.
  ///
  /// SQLite has no checksums. For a short read inside the file it supplies zeros, which valid JSON never has.
  /// A body that was recorded can be parsed again, so one that cannot be parsed is damaged. Comparing its
  /// digest would find other damage too, and add a tenth to the cost of a read: `check` does that.
  func parts(of stored: StoredJob) throws(Problem) -> PredictionParts? {
    guard let snapshot = stored.job.snapshot else { return nil }
    let parts = PredictionParts(
      storedBody: stored.body.span, id: snapshot.predictionID, status: snapshot.providerStatus)
    guard let parts else {
      throw .unavailable(
        .storeUnavailable, "the stored body is damaged: restore a backup, or read the prediction at Replicate"
      )
    }
    return parts
  }

  /// The past attempts of a job that was created here.
  ///
  /// Most jobs have one prediction, and need no query.
  private func attempts(of view: JobView) throws(Problem) -> [PastAttempt] {
    guard let order = view.order,
      view.stored.job.attempt > 1 || order.refusals > 0 || order.stage == .ended
    else { return [] }
    return try read { (reader) throws(StorageError) in try reader.attempts(ofJob: view.stored.number) }
  }
}

extension StoredOrder {
  /// The posted request. A stored one was accepted before, so parsing it succeeds.
  var parsedRequest: PredictionRequest? { try? PredictionRequest(body: request.span, isStored: true) }
}

extension Response {
  static func json(_ body: [UInt8]) -> Response {
    Response(status: .ok, fields: [("Content-Type", "application/json")], body: body)
  }
}
