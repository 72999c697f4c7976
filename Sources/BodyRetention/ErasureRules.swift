internal import Crypto
internal import Jobs
package import Ledger
package import StoreSeam
package import Tables
package import Time

/// The jobs whose input, output and logs were erased.
package enum ErasureTable {
  package static let declaration = TableDeclaration(
    "erased_bodies", key: [.init("job", .integer)],
    columns: [
      .init("erased_at", .integer),
      // In bytes of JSON text.
      .init("input_bytes", .integer), .init("output_bytes", .integer), .init("logs_bytes", .integer),
    ])

  package static func key(_ job: Int64) -> [RowValue] { [.integer(job)] }
}

/// How far the passes have come: one row.
package enum ErasureMark {
  package static let declaration = TableDeclaration(
    "erasure_mark", key: [.init("id", .integer)],
    columns: [
      // Nothing is left to erase of jobs up to this number.
      .init("job", .integer)
    ])

  static let key = [RowValue.integer(0)]

  static func values(_ job: Int64) -> [RowValue] { key + [.integer(job)] }
}

/// The result of an attempt to erase the bodies of a job.
package enum BodyErasure: Equatable, Sendable {
  case erased
  /// They were erased before.
  case known
  /// The job has not ended.
  case open
  /// An open workflow reads them.
  case needed
  case notFound
}

/// What one step of a pass has done.
package struct ErasureStep: Equatable, Sendable {
  package var erased = 0
  /// Where the pass goes on. Nil where it is over.
  package var next: Int64?
  /// Whether all jobs that the pass has examined so far need nothing more.
  package var isContiguous: Bool
}

extension LedgerTransaction {
  /// The bodies that one step reads, in bytes. Deliveries wait for it, and memory holds it.
  private static let maxBytes = 4 * 1024 * 1024

  /// Erases input, output and logs of an ended job. Digests, sizes and all else stay.
  ///
  /// - Parameter id: the id that the job with that number is expected to have.
  package func eraseBodies(
    ofJob number: Int64, id: String, at now: Timestamp
  ) throws(StorageError) -> BodyErasure {
    guard let job = try job(withNumber: number), job.id == id else { return .notFound }
    guard job.phase.isTerminal else { return .open }
    guard try row(of: ErasureTable.declaration, key: ErasureTable.key(number)) == nil else { return .known }
    guard try !needsBodies(number, id: id) else { return .needed }
    _ = try erase(job, number, at: now)
    return .erased
  }

  /// - Returns: the size of what was read.
  private func erase(_ job: Job, _ number: Int64, at now: Timestamp) throws(StorageError) -> Int {
    var sizes = ErasedBodies.Sizes()
    var (read, kept): (Int, (text: [UInt8], digest: BodyDigest)?) = (0, nil)
    if let snapshot = job.snapshot {
      let body = try body(ofJob: number)
      let erased = ErasedBodies.prediction(body, of: snapshot, at: now)
      (read, sizes) = (body.count, erased.sizes)
      kept = BodyDigest(bytes: SHA256().digest(of: erased.text.span)).map { (erased.text, $0) }
    }
    let posted = try postedRequest(ofJob: number)
    let request = posted.isEmpty ? nil : ErasedBodies.request(posted)
    try replaceBodies(ofJob: number, body: kept, request: request?.text)
    sizes.input = max(sizes.input, request?.inputSize ?? 0)
    put(
      ErasureTable.key(number) + [
        .integer(now.milliseconds), .integer(Int64(sizes.input)), .integer(Int64(sizes.output)),
        .integer(Int64(sizes.logs)),
      ], in: ErasureTable.declaration)
    return read + posted.count
  }

  /// Where a pass begins: behind the jobs of which nothing is left.
  package func erasureMark() throws(StorageError) -> Int64 {
    try row(of: ErasureMark.declaration, key: ErasureMark.key)?.integer("job") ?? 0
  }

  /// Erases the bodies of jobs that ended before `limit`, among the `count` jobs after `number`.
  ///
  /// Those stay that an open workflow reads, and those of jobs that a capability has work for.
  ///
  /// - Parameter isContiguous: of the last step, or true for the first one.
  package func eraseOldBodies(
    endedBefore limit: Timestamp, at now: Timestamp, after number: Int64, count: Int, isContiguous: Bool
  ) throws(StorageError) -> ErasureStep {
    let found = try oldJobs(endedBefore: limit, at: now, after: number, count: count)
    // A delivery may have moved the mark back meanwhile.
    var step = ErasureStep(isContiguous: isContiguous)
    if isContiguous, try erasureMark() != number { step.isContiguous = false }
    var (last, bytes) = (number, 0)
    var mark: Int64?
    for (number, isOld) in found.jobs where bytes < Self.maxBytes {
      if isOld, let job = try job(withNumber: number) {
        switch try isDue(number, id: job.id) {
        case .known: break
        case .erased:
          bytes += try erase(job, number, at: now)
          step.erased += 1
        default: step.isContiguous = false
        }
      } else {
        step.isContiguous = false
      }
      last = number
      if step.isContiguous { mark = number }
    }
    if let mark { put(ErasureMark.values(mark), in: ErasureMark.declaration) }
    let isOver = found.isOver && last == found.jobs.last?.number ?? number
    step.next = isOver ? nil : last
    return step
  }

  /// - Returns: `erased` for bodies that are to be erased.
  private func isDue(_ number: Int64, id: String) throws(StorageError) -> BodyErasure {
    guard try row(of: ErasureTable.declaration, key: ErasureTable.key(number)) == nil else { return .known }
    if try needsBodies(number, id: id) { return .needed }
    return try hasRetainingWork(number) ? .needed : .erased
  }
}

/// Forgets what was erased of a job that is deleted, or whose end a delivery has replaced.
package struct ErasureHook: TransactionHook {
  package init() {}

  package func writes(
    after transitions: [JobTransition], reading rows: HookRows
  ) throws(StorageError) -> HookWrites {
    var writes = HookWrites()
    for transition in transitions where transition.before != nil {
      let number = transition.number
      guard transition.after == nil || transition.cause == .replacedEnd else { continue }
      writes.tables.append(.delete(ErasureTable.declaration, key: ErasureTable.key(number)))
      // The signed end has an output of its own.
      guard transition.after != nil,
        let mark = try rows.row(of: ErasureMark.declaration, key: ErasureMark.key)?.integer("job"),
        number <= mark
      else { continue }
      writes.tables.append(.put(ErasureMark.declaration, ErasureMark.values(number - 1)))
    }
    return writes
  }
}
