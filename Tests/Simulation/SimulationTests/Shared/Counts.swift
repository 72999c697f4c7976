/// How often each kind of event occurred. A simulation without events would prove nothing.
struct Counts: Equatable {
  private var numbers: [Occurrence: Int] = [:]

  subscript(_ occurrence: Occurrence) -> Int {
    get { numbers[occurrence] ?? 0 }
    set { numbers[occurrence] = newValue }
  }

  static func + (left: Counts, right: Counts) -> Counts {
    var sum = left
    for (occurrence, count) in right.numbers { sum[occurrence] += count }
    return sum
  }
}

/// A kind of event in a simulation.
enum Occurrence: String, CaseIterable {
  // The machine.
  case crash
  case diskCrash
  case powerCut
  case commit
  case cleanShutdown
  /// A start at which the store could not be opened.
  case failedStart
  case restoredBackup

  // Deliveries and reads.
  case acknowledgement
  case duplicate
  /// A delivery that was answered 503.
  case refusal
  /// A complete request without an answer.
  case unanswered
  /// A job that a reader was shown.
  case observation
  /// A number of a stream that came to its end.
  case streamedNumber
  /// An event of a job's stream.
  case streamEvent
  case streamReconnect
  /// A job's stream that was answered 204 after its end.
  case endedStream
  case streamedDeletion
  /// A cursor from before a restored backup.
  case expiredCursor

  // The provider.
  case create
  case listCall
  case cancelCall
  case unsentCall
  case lostCall
  case lostAnswer
  case gatewayError
  case throttledCall
  case lie
  case lostDelivery
  case rejectedDelivery

  // The app.
  case callback
  case callbackFault
  case acceptedOrder
  case repeatedOrder
  case conflict
  case cancelRequest
  case retry
  /// A retry of a job that had not ended.
  case earlyRetry
  /// A success that was held, and released.
  case releasedEnd
  /// A success that was held until its deadline.
  case expiredHold

  // Workflows.
  case acceptedWorkflow
  case canceledWorkflow
  case resumedWorkflow
}
