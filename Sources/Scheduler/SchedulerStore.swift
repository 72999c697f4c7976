internal import GroupCommit
internal import Jobs
internal import Logging
internal import Observability
internal import Ledger
internal import StoreSeam
internal import Time
internal import Work

/// The scheduler's access to the store: own reads, and group commits.
final class SchedulerStore {
  private let reader: any StoreReader
  private let recorder: Recorder
  private let faultyRowPause: Int64
  private let logger: Logger
  /// Whether other processes use the store too. Known once its orders were recovered.
  var isShared = false

  init(reader: any StoreReader, recorder: Recorder, policy: SchedulerPolicy, logger: Logger) {
    self.reader = reader
    self.recorder = recorder
    faultyRowPause = policy.faultyRowPauseMilliseconds
    self.logger = logger
  }

  /// When something is due next.
  func nextDue() async throws(StorageError) -> NextDue { try await reader.nextDue() }

  /// When the time in which some queued order may be sent ends next.
  func nextStartDeadline() async throws(StorageError) -> Timestamp? {
    try await reader.nextDue(.startDeadline)
  }

  /// The time of the newest update of a job.
  func newestUpdate() async throws(StorageError) -> Timestamp? { try await reader.newestUpdate() }

  /// The order of the job with that id.
  func order(ofJob id: String) async throws(StorageError) -> StoredOrder? {
    try await reader.job(id)?.order
  }

  /// Commits `work`. Returns when it is on disk.
  func write<Value: Sendable>(
    _ work: @escaping @Sendable (LedgerTransaction) throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    do throws(RecordingFailure) {
      return try await recorder.write(work).get()
    } catch {
      throw error.storageError
    }
  }

  /// Skips a due row that is damaged, or that the store rejects.
  ///
  /// It would otherwise block all other due rows.
  ///
  /// - Returns: the time until which the row is to be deferred.
  func skipFaultyRow(
    _ row: StaticString, at now: Timestamp, _ error: StorageError
  ) throws(StorageError) -> Timestamp {
    guard !error.concernsWholeStore else { throw error }
    logger.log(.rowSkipped(row, cause: error))
    return now.advanced(byMilliseconds: faultyRowPause)
  }
}
