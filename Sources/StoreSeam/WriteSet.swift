package import Jobs
package import Time
package import Tables
package import Work

/// Everything that one transaction writes, as values.
///
/// A store applies the parts in the order of the properties, with as few statements as it can.
package struct WriteSet {
  /// Histories that become part of another job's. They come before ``history``.
  package var movedHistories: [MovedHistory] = []
  package var deletedJobs: [DeletedJob] = []
  /// Ordered by the job's number.
  package var jobs: [JobWrite] = []
  package var history: [HistoryRow] = []
  package var attempts: [AttemptWrite] = []
  package var refusals: [RefusalWrite] = []
  package var orders: [OrderWrite] = []
  package var work: [WorkWrite] = []
  /// How the number of unclaimed create calls changes, for a store that keeps count of them.
  package var queuedChange = 0
  package var keys: [KeyWrite] = []
  /// Inserted, or in place of the rows of their names.
  package var leases: [Lease] = []
  package var budgets: [Budget] = []
  package var tables: [TableWrite] = []
  /// Applied last.
  package var sweeps: [Sweep] = []

  package init() {}
}

/// The insert or update of a job's row.
package struct JobWrite {
  package let number: Int64
  /// Nil for an insert.
  package let stored: JobVersion?
  package let version: JobVersion
  /// Whether what the job's document shows has changed, so that the store assigns a change number.
  package let isShown: Bool
  /// Whether the job differs from the stored one. Otherwise only the change number is written.
  package let hasRowChanges: Bool
  /// The body of a new snapshot. Nil where the snapshot is unchanged.
  package let body: [UInt8]?
  /// The change number of the stored row. 0 for an insert.
  package let lastChange: Int64

  package init(
    number: Int64, stored: JobVersion?, version: JobVersion, isShown: Bool, hasRowChanges: Bool,
    body: [UInt8]?, lastChange: Int64
  ) {
    self.number = number
    self.stored = stored
    self.version = version
    self.isShown = isShown
    self.hasRowChanges = hasRowChanges
    self.body = body
    self.lastChange = lastChange
  }
}

/// The deletion of a job and all that belongs to it.
///
/// It leaves a tombstone for the feed, at least until `expiresAt`.
package struct DeletedJob: Sendable {
  package let number: Int64
  package let reason: Reason
  /// The job's id in the API.
  package let id: String
  /// The change number of the stored row. 0 where the job was made in the same transaction.
  package let lastChange: Int64
  /// What identifies further deliveries of a job that was deleted by request.
  ///
  /// The store adds what only its rows name: the webhook ids and past predictions of the job.
  package let keys: [TombstoneKey]

  package init(
    number: Int64, reason: Reason, id: String, lastChange: Int64, keys: [TombstoneKey]
  ) {
    self.number = number
    self.reason = reason
    self.id = id
    self.lastChange = lastChange
    self.keys = keys
  }

  package enum Reason: Equatable, Sendable {
    /// Its history became another job's.
    case merged(expiresAt: Timestamp)
    /// It has ended long ago.
    case pruned(expiresAt: Timestamp)
    /// An app has deleted it. Its deliveries are acknowledged and dropped until then.
    case requested(expiresAt: Timestamp)
  }
}

/// What identifies a delivery of a deleted job.
package enum TombstoneKey: Hashable, Sendable {
  case webhook(String)
  case prediction(String)
  /// The id of a job that was created here, which the delivery's URL names.
  case job(String)
}

/// The move of a history to the end of another job's.
package struct MovedHistory: Equatable, Sendable {
  package let from: Int64
  package let to: Int64
  /// What is added to the positions.
  package let offset: Int64

  package init(
    from: Int64, to: Int64, offset: Int64
  ) {
    self.from = from
    self.to = to
    self.offset = offset
  }
}

/// A row of a job's history.
package struct HistoryRow: Sendable {
  package var job: Int64
  /// From 1, within the job.
  package var position: Int64
  package let webhookID: String?
  package let source: HistorySource
  package let isRepeat: Bool
  /// Nil without a body.
  package let digest: BodyDigest?
  /// The provider's status, or the code of an end that the daemon decided. Empty for a 404.
  package let providerStatus: String
  package let receivedAt: Timestamp
  package let outcome: DeliveryOutcome
  /// The job's phase after the row's event.
  package let phase: Phase
  package let revision: Int64

  package init(
    job: Int64, position: Int64, webhookID: String?, source: HistorySource, isRepeat: Bool,
    digest: BodyDigest?, providerStatus: String, receivedAt: Timestamp, outcome: DeliveryOutcome,
    phase: Phase, revision: Int64
  ) {
    self.job = job
    self.position = position
    self.webhookID = webhookID
    self.source = source
    self.isRepeat = isRepeat
    self.digest = digest
    self.providerStatus = providerStatus
    self.receivedAt = receivedAt
    self.outcome = outcome
    self.phase = phase
    self.revision = revision
  }
}

/// The record of an interrupted prediction.
package struct AttemptWrite: Sendable {
  package let predictionID: String
  package let job: Int64
  package let error: JobError?
  package let endedAt: Timestamp

  package init(
    predictionID: String, job: Int64, error: JobError?, endedAt: Timestamp
  ) {
    self.predictionID = predictionID
    self.job = job
    self.error = error
    self.endedAt = endedAt
  }
}

/// The record of a create call that the provider refused.
package struct RefusalWrite: Sendable {
  package let job: Int64
  package let error: JobError
  package let endedAt: Timestamp

  package init(
    job: Int64, error: JobError, endedAt: Timestamp
  ) {
    self.job = job
    self.error = error
    self.endedAt = endedAt
  }
}

/// A write to the orders.
package enum OrderWrite: Sendable {
  /// - Parameters: a cancel request of a job that was not created here has neither key nor metadata.
  case insert(StoredOrder, idempotencyKey: String?, JobMetadata?)
  /// Updates everything but the digest, the key and the request.
  case update(StoredOrder)
  /// Replaces the request alone.
  case replaceRequest(job: Int64, [UInt8])

  package var job: Int64 {
    switch self {
    case .insert(let order, _, _), .update(let order): order.number
    case .replaceRequest(let job, _): job
    }
  }
}

/// A write to the work table.
package enum WorkWrite: Equatable, Sendable {
  case insert(WorkItem)
  case update(WorkItem)
  case delete(WorkKey)
}

/// A write to the table of keys.
package enum KeyWrite: Equatable, Sendable {
  case put(String, [UInt8])
  case delete(String)
}

/// A change of many rows that no document shows, done inside the store.
package enum Sweep: Equatable, Sendable {
  /// Moves checks that are due after `from` + `within` to times between the two, by their jobs' numbers.
  case spreadChecks(from: Timestamp, within: Int64)
  /// Schedules checks of the stale jobs that have none and whose prediction is known.
  case resumeStaleChecks(from: Timestamp, within: Int64)
  /// Moves later checks to `moment`.
  case clampChecks(to: Timestamp)
  /// Marks the open orders of a restored backup, and makes those without a known prediction unanswered.
  ///
  /// Their predictions may have been created after the backup was made.
  case restoreOrders(at: Timestamp, absenceConclusiveAt: Timestamp)
  /// Deletes the tombstones that have expired.
  case deleteTombstones(expiredAt: Timestamp)
  /// Counts the rows of a table again that has a seed.
  case seed(TableDeclaration)
}
