internal import Jobs
internal import Logging
internal import Observability
internal import Ledger
internal import Replicate
internal import StoreSeam
internal import Time

// MARK: - Due work

extension LogEntry {
  static var backupRestored: LogEntry {
    LogEntry(.notice, "database is a restored backup; searching for its orders before sending any")
  }

  static func allJobsPastRetention(newest: Timestamp, now: Timestamp) -> LogEntry {
    LogEntry(
      .warning,
      "every job is older than RETENTION; deleting ended jobs in an hour: check the clock and RETENTION",
      ["newest": .text(newest.rfc3339), "now": .text(now.rfc3339)])
  }

  static var wallClockStepped: LogEntry { LogEntry(.notice, "wall clock stepped; due times moved with it") }

  static func jobBecameStale(_ job: Job) -> LogEntry {
    LogEntry(
      .notice, "job became stale",
      [
        "job": .text(job.id), "prediction_id": .text(job.snapshot?.predictionID ?? ""),
        "revision": .number(job.revision),
      ])
  }

  static func pruningBegan(endedBefore limit: Timestamp) -> LogEntry {
    LogEntry(.notice, "deleting jobs past RETENTION", ["ended_before": .text(limit.rfc3339)])
  }

  static func pruningEnded(count: Int) -> LogEntry {
    LogEntry(.notice, "deleted jobs past RETENTION", ["count": .number(count)])
  }

  /// - Parameter row: what the row holds: a job or an order.
  static func rowSkipped(_ row: StaticString, cause: StorageError) -> LogEntry {
    LogEntry(
      .error, "row damaged or not writable; skipping it for an hour: run replicate-webhookd check",
      ["cause": .text("\(cause)"), "row": .text("\(row)")])
  }
}

// MARK: - Provider calls

extension LogEntry {
  static func providerCallFailed(
    _ call: SchedulerMetrics.CallName, _ outcome: CallOutcome, reason: String
  ) -> LogEntry {
    LogEntry(
      .notice, "provider call failed",
      ["call": .text(call.rawValue), "reason": .text(reason), "result": .text(outcome.rawValue)])
  }

  static func tokenRejected(_ call: SchedulerMetrics.CallName, reason: String) -> LogEntry {
    LogEntry(
      .error,
      "provider rejects the token; orders wait until REPLICATE_API_TOKEN is right: set it and restart",
      ["call": .text(call.rawValue), "reason": .text(reason)])
  }

  static func creditUsedUp(_ call: SchedulerMetrics.CallName, reason: String) -> LogEntry {
    LogEntry(
      .error, "provider reports insufficient credit; orders wait: add credit to the account",
      ["call": .text(call.rawValue), "reason": .text(reason)])
  }

  static func answerRecorded(
    _ recording: Recording, of predictionID: String, from source: SnapshotSource
  ) -> LogEntry {
    LogEntry(
      .info, "answer",
      [
        "job": .text(recording.jobID), "outcome": .text(recording.outcome.rawValue),
        "prediction_id": .text(predictionID), "revision": .number(recording.revision),
        "source": .text(source.rawValue), "state": .text(recording.state.rawValue),
      ])
  }

  static func answerDropped(cause: StorageError) -> LogEntry {
    LogEntry(
      .error, "store rejected an answer of the provider; dropping it and polling again",
      ["cause": .text("\(cause)")])
  }

  static func predictionNotFound(_ job: Job) -> LogEntry {
    LogEntry(.notice, "provider does not know a job's prediction; ending the job", ["job": .text(job.id)])
  }
}

// MARK: - Orders

extension LogEntry {
  static func orderRescheduled(_ job: Job, seconds: Int, because reason: OrderReason) -> LogEntry {
    LogEntry(
      .info, "order rescheduled",
      ["job": .text(job.id), "reason": .text(reason.rawValue), "seconds": .number(seconds)])
  }

  static func jobNotStarted(_ job: Job) -> LogEntry {
    LogEntry(.info, "job canceled: not sent within its start_before", ["job": .text(job.id)])
  }

  static func orderRejected(_ job: Job, seconds: Int, _ error: JobError) -> LogEntry {
    LogEntry(
      .warning, "provider rejected an order; retrying",
      ["job": .text(job.id), "reason": .text(error.message ?? ""), "seconds": .number(seconds)])
  }

  static func createCallUnanswered(_ job: Job) -> LogEntry {
    LogEntry(.warning, "create call unanswered; searching for its prediction", ["job": .text(job.id)])
  }

  static func createCallMisanswered(_ job: Job, predictionID: String) -> LogEntry {
    LogEntry(
      .warning, "create call answered with another job's prediction; searching for its own",
      ["job": .text(job.id), "prediction_id": .text(predictionID)])
  }

  static func jobEndedWithoutPrediction(_ job: Job, _ error: JobError) -> LogEntry {
    LogEntry(.notice, "job ended without a prediction", ["code": .text(error.code), "job": .text(job.id)])
  }
}
