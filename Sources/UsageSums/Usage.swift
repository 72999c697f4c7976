internal import Jobs
internal import Time

/// Counts and durations of one model's jobs that ended on one day.
struct Usage: Equatable, Sendable {
  var succeeded: Int64 = 0
  var failed: Int64 = 0
  var canceled: Int64 = 0
  var lostWebhooks: Int64 = 0
  var predictMilliseconds: Int64 = 0
  /// From the creation of the prediction to its start.
  var queueMilliseconds: Int64 = 0
  /// From its start to its end.
  var runMilliseconds: Int64 = 0

  init(
    succeeded: Int64 = 0, failed: Int64 = 0, canceled: Int64 = 0, lostWebhooks: Int64 = 0,
    predictMilliseconds: Int64 = 0, queueMilliseconds: Int64 = 0, runMilliseconds: Int64 = 0
  ) {
    self.succeeded = succeeded
    self.failed = failed
    self.canceled = canceled
    self.lostWebhooks = lostWebhooks
    self.predictMilliseconds = predictMilliseconds
    self.queueMilliseconds = queueMilliseconds
    self.runMilliseconds = runMilliseconds
  }
}

extension Usage {
  /// The maximum duration that one job adds, in milliseconds.
  ///
  /// The times come from the provider, and one job must not outweigh all others.
  static let maxSpan: Int64 = 30 * CalendarDay.milliseconds

  /// The usage of a job that ended. Nil where it is open.
  ///
  /// - Parameters:
  ///   - snapshot: the snapshot that ended the job; nil where the daemon ended it.
  ///   - count: 1 to count the end, -1 to reverse its count.
  init?(ofEnd job: Job, snapshot: Snapshot?, count: Int64) {
    self.init()
    switch job.phase {
    case .succeeded: succeeded = count
    case .failed: failed = count
    case .canceled: canceled = count
    case .pending, .running: return nil
    }
    lostWebhooks = job.endFoundByPolling ? count : 0
    predictMilliseconds = count * min(snapshot?.predictMilliseconds ?? 0, Self.maxSpan)
    queueMilliseconds = count * Self.span(from: snapshot?.createdAt, to: snapshot?.startedAt)
    runMilliseconds = count * Self.span(from: snapshot?.startedAt, to: snapshot?.completedAt)
  }

  /// The duration between two times; 0 where they are out of order.
  ///
  /// The provider's own backends disagree about times, so a start may precede the creation.
  private static func span(from start: Timestamp?, to end: Timestamp?) -> Int64 {
    guard let start, let end, start < end else { return 0 }
    return min(end.milliseconds - start.milliseconds, maxSpan)
  }
}

extension Usage {
  /// Adds `other`, and saturates instead of trapping.
  ///
  /// The provider's times are not trusted.
  mutating func add(_ other: Usage) {
    succeeded += other.succeeded
    failed += other.failed
    canceled += other.canceled
    lostWebhooks += other.lostWebhooks
    predictMilliseconds = Self.sum(predictMilliseconds, other.predictMilliseconds)
    queueMilliseconds = Self.sum(queueMilliseconds, other.queueMilliseconds)
    runMilliseconds = Self.sum(runMilliseconds, other.runMilliseconds)
  }

  private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflows) = left.addingReportingOverflow(right)
    guard overflows else { return sum }
    return right < 0 ? .min : .max
  }
}
