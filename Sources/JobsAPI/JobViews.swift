package import EventLoop
package import HTTPWire
package import JobRequests
package import Jobs
package import StoreSeam
internal import Replicate
package import Routing
package import Scheduler
package import Time

/// Reads jobs as the API shows them, together with the orders behind them.
package final class JobViews {
  package let loop: EventLoop
  private let reader: any StoreReader
  private let pace: CreationPace
  private let added: [any JobMembers]
  private let owners: [any JobOwner]
  /// What the store's entity tags end with. Empty until first read.
  private var tagSuffix = ""

  /// The maximum number of earlier orders that are counted for ``NextTry``.
  ///
  /// After so many, an order is certainly not sent soon.
  private static let maxCountedOrders = 10_000

  /// - Parameters:
  ///   - added: what the capabilities add to documents.
  ///   - owners: those that refuse changes of jobs.
  package init(
    loop: EventLoop, reader: any StoreReader, pace: CreationPace, adding added: [any JobMembers] = [],
    owners: [any JobOwner] = []
  ) {
    self.loop = loop
    self.reader = reader
    self.pace = pace
    self.added = added
    self.owners = owners
  }

  package var now: Timestamp { Timestamp(milliseconds: loop.kernel.wallTimeMilliseconds) }

  /// When it is `time`, for a wait that must not end before. The loop's own time is that of its turn.
  package func deadline(at time: Timestamp) -> MonotonicTime {
    loop.kernel.monotonicTime + .milliseconds(time.milliseconds - now.milliseconds)
  }

  /// Lets the loop do other work before a long request goes on.
  package func pause() async { _ = await loop.sleep(until: loop.now) }

  /// Reads from the store, whose failure is a 503.
  package func read<Result>(
    _ body: (any StoreReader) async throws(StorageError) -> Result
  ) async throws(Problem) -> Result {
    do throws(StorageError) {
      return try await body(reader)
    } catch {
      throw Self.unreadable(error)
    }
  }

  private static func unreadable(_ error: StorageError) -> Problem {
    .unavailable(.storeUnavailable, "the store could not be read", reason: "\(error)")
  }

  /// The job with that id, its order and its entity tag.
  package func view(_ id: String) async throws(Problem) -> JobView {
    if tagSuffix.isEmpty { tagSuffix = try await readTagSuffix() }
    let view = try await storedView(id)
    if view.awaitsCall { try await addNextTry(to: view) }
    if mayHaveMembers(view) { try await addMembers(to: view) }
    return view
  }

  @inline(never)
  private func addMembers(to view: JobView) async throws(Problem) {
    for source in added where source.concerns(view.jobID, body: view.record.body) {
      view.members += try await read { (reader) throws(StorageError) in
        try await source.members(ofJob: view.record.number, id: view.jobID, in: reader)
      }
    }
  }

  /// Not asynchronous, because most reads end with it.
  private func mayHaveMembers(_ view: JobView) -> Bool {
    for index in added.indices where added[index].concerns(view.jobID, body: view.record.body) { return true }
    return false
  }

  /// Refuses a change of a job that belongs to something larger.
  package func refuse(_ change: JobChange, of number: Int64, id: String) async throws(Problem) {
    for owner in owners {
      let refusal = try await read { (reader) throws(StorageError) in
        try await owner.refusal(of: change, ofJob: number, id: id, in: reader)
      }
      if let refusal { throw refusal }
    }
  }

  /// What the capabilities add to rows of a list, by the jobs' numbers.
  package func members(of rows: [ListedJob]) async throws(Problem) -> [Int64: [JobMember]] {
    var members: [Int64: [JobMember]] = [:]
    guard !rows.isEmpty else { return members }
    for source in added {
      let found = try await read { (reader) throws(StorageError) in
        try await source.members(ofJobs: rows.map(\.number), in: reader)
      }
      members.merge(found, uniquingKeysWith: +)
    }
    return members
  }

  @inline(never)
  private func addNextTry(to view: JobView) async throws(Problem) {
    let now = now
    switch view.turn(at: now) {
    case .none: break
    case .set: view.noteNextTry(at: now, pace.state, queuedBefore: 0)
    case .queued(let due):
      view.noteNextTry(at: now, pace.state, queuedBefore: try await queuedOrders(before: due))
    }
  }

  private func queuedOrders(before due: Timestamp) async throws(Problem) -> Int {
    try await read { (reader) throws(StorageError) in
      try await reader.queuedOrders(before: due, limit: Self.maxCountedOrders)
    }
  }

  /// The job with that id, without its order's next call.
  ///
  /// Never inlined: a stream's task keeps the memory of its largest frame, and a record is large.
  @inline(never)
  private func storedView(_ id: String) async throws(Problem) -> JobView {
    do throws(StorageError) {
      if let record = try await reader.job(id) {
        return JobView(record, EntityTag(change: record.change, suffix: tagSuffix))
      }
    } catch {
      throw Self.unreadable(error)
    }
    throw .jobNotFound
  }

  /// The own id of a job, which may be named by its prediction's.
  package func id(ofJob id: String) async throws(Problem) -> String {
    let found = try await read { (reader) throws(StorageError) in try await reader.job(id) }
    guard let found else { throw .jobNotFound }
    return found.job.id
  }

  @inline(never)
  private func readTagSuffix() async throws(Problem) -> String {
    let epoch = try await read { (reader) throws(StorageError) in try await reader.feedPosition().epoch }
    return EntityTag.suffix(of: epoch)
  }
}

/// A job, its order's next call, and the entity tag of its document.
///
/// A class, because it is large and passed through many functions.
package final class JobView {
  package let record: JobRecord
  /// The order's next create call; nil where the job has ended.
  fileprivate(set) var next: NextTry?
  let tag: EntityTag
  /// What the capabilities add to the document.
  fileprivate(set) var members: [JobMember] = []

  var hasEnded: Bool { record.job.phase.isTerminal }

  /// The job's own id. Empty for a job that was not created here.
  ///
  /// `Job.id` would copy the job, for each read.
  fileprivate let jobID: String

  /// Whether a call of its order may be left.
  fileprivate let awaitsCall: Bool

  /// When the order's next call is made.
  fileprivate enum Turn {
    /// No call is left.
    case none
    /// At a time that the order has.
    case set
    /// After the orders that were due before.
    case queued(due: Timestamp)
  }

  /// Never inlined, like the next one: copies of the record would become part of an asynchronous frame.
  @inline(never)
  fileprivate func turn(at now: Timestamp) -> Turn {
    guard !hasEnded, let order = record.order else { return .none }
    guard order.stage == .queued, let due = order.dueAt, due <= now else { return .set }
    return .queued(due: due)
  }

  @inline(never)
  fileprivate func noteNextTry(at now: Timestamp, _ pace: CreationPace.State?, queuedBefore count: Int) {
    next = record.order.map { NextTry(of: $0, at: now, pace: pace, queuedBefore: count) }
  }

  /// Names the state in a stream of events. It is also a cursor of the change feed.
  var eventID: String { String(tag.text.dropFirst().dropLast()) }

  fileprivate init(_ record: JobRecord, _ tag: EntityTag) {
    self.record = record
    self.tag = tag
    jobID = record.job.origin?.id ?? ""
    awaitsCall = record.order != nil && !record.job.phase.isTerminal
  }
}

// MARK: - Documents

extension JobViews {
  /// The job's whole document.
  ///
  /// - Parameters:
  ///   - request: what was posted for it, where that is parsed already.
  ///   - scope: what its reader may see.
  package func document(
    of view: JobView, _ request: PredictionRequest? = nil, scope: DocumentScope = .full
  ) throws(Problem) -> [UInt8] {
    let record = view.record
    return JobDocument.whole(
      record.job, try parts(of: record), body: record.body, order: record.order, view.next,
      attempts: record.attempts, request: request ?? record.order?.parsedRequest, adding: view.members,
      scope: scope)
  }

  /// The job as a row of a list, without a line break at its end.
  ///
  /// - Parameter members: from ``members(of:)``.
  package func document(
    of row: ListedJob, including parts: JobParts, adding members: [Int64: [JobMember]]
  ) throws(Problem) -> [UInt8] {
    let body = row.body ?? []
    return JobDocument.row(
      row, parts.isEmpty ? nil : try Self.parts(of: row.job, body: body), body: body, including: parts,
      adding: members[row.number] ?? [])
  }

  /// The parts of the stored body; nil where no snapshot has arrived yet.
  ///
  /// SQLite has no checksums. For a short read inside the file it supplies zeros, which valid JSON never has.
  /// A body that was recorded can be parsed again, so one that cannot be parsed is damaged. Comparing its
  /// digest would find other damage too, and add a tenth to the cost of a read: `check` does that.
  func parts(of record: JobRecord) throws(Problem) -> PredictionParts? {
    try Self.parts(of: record.job, body: record.body)
  }

  private static func parts(of job: Job, body: [UInt8]) throws(Problem) -> PredictionParts? {
    guard let snapshot = job.snapshot else { return nil }
    let parts = PredictionParts(
      storedBody: body.span, id: snapshot.predictionID, status: snapshot.providerStatus)
    guard let parts else {
      throw .unavailable(
        .storeUnavailable, "the stored body is damaged: restore a backup, or read the prediction at Replicate"
      )
    }
    return parts
  }
}

extension StoredOrder {
  /// The posted request. A stored one was accepted before, so parsing it succeeds.
  var parsedRequest: PredictionRequest? { try? PredictionRequest(body: request.span, isStored: true) }
}

extension Response {
  /// A JSON document with status 200.
  package static func json(_ body: [UInt8]) -> Response {
    Response(status: .ok, fields: [("Content-Type", "application/json")], body: body)
  }
}
