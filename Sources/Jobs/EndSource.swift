/// The source of a job's end.
package enum EndSource: String, Sendable, CaseIterable {
  /// A delivery.
  case webhook
  /// A poll or a search, because no delivery had reported the end until then.
  case poll
  /// The answer to the call that created or canceled the prediction.
  case answer
  /// The daemon itself: no snapshot of the provider reports an end.
  case daemon

  init(_ source: SnapshotSource) {
    self =
      switch source {
      case .webhook: .webhook
      case .poll, .list: .poll
      case .answer: .answer
      }
  }

  /// The number by which a store knows it. Never 0.
  package var number: Int64 {
    switch self {
    case .poll: 1
    case .answer: 2
    case .webhook: 3
    case .daemon: 5
    }
  }

  /// Nil for a number that this version does not know.
  package init?(number: Int64) {
    switch number {
    case 1: self = .poll
    case 2: self = .answer
    case 3: self = .webhook
    case 5: self = .daemon
    default: return nil
    }
  }
}

extension Job {
  /// What ended the job.
  ///
  /// Nil while it has not ended, and where an earlier version stored its end. An end that polling found
  /// stays one when its delivery arrives later.
  package var endedBy: EndSource? {
    guard phase.isTerminal else { return nil }
    return isEndedByDaemon ? .daemon : endSource
  }
}
