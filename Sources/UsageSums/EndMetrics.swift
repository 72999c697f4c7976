internal import Jobs
internal import Ledger
internal import Observability
internal import StoreSeam
internal import Time

/// The metrics of ended jobs: how many by model and code, and how long their predictions waited and ran.
///
/// They count what this process has committed. An end that replaces one of the daemon's own counts as well.
final class EndMetrics: Sendable {
  private let ends = EndCounter()
  private let queueTime = DurationHistogram(
    "replicate_webhookd_job_queue_seconds",
    help: "Time from creation to start of ended predictions, by the provider's clock.", bounds: .predictions)
  private let runTime = DurationHistogram(
    "replicate_webhookd_job_run_seconds",
    help: "Time from start to end of ended predictions, by the provider's clock.", bounds: .predictions)

  var families: [any MetricFamily] { [ends, queueTime, runTime] }

  /// Counts the ends among the transitions of a commit.
  func count(_ transitions: [JobTransition]) {
    let adopted = Self.adoptedPredictions(among: transitions)
    // Most jobs of a commit are of one model, so that their number is added once.
    var pending: (series: EndCounter.Series, count: Int)?
    for transition in transitions where transition.endsJob {
      guard let version = transition.after else { continue }
      if !adopted.isEmpty, version.job.origin != nil, let snapshot = transition.snapshot,
        adopted.contains(snapshot.predictionID)
      {
        continue
      }
      if pending?.series.matches(version) == true {
        pending?.count += 1
      } else {
        if let pending { ends.add(pending.count, to: pending.series) }
        pending = (EndCounter.Series(of: version), 1)
      }
      // Each part by itself: the snapshot as a whole would be copied.
      let start = transition.snapshot?.startedAt
      queueTime.record(from: transition.snapshot?.createdAt, to: start)
      runTime.record(from: start, to: transition.snapshot?.completedAt)
    }
    if let pending { ends.add(pending.count, to: pending.series) }
  }

  /// The predictions whose ends were counted as those of jobs that have become part of others.
  private static func adoptedPredictions(among transitions: [JobTransition]) -> Set<String> {
    guard transitions.contains(where: { $0.cause == .merged }) else { return [] }
    return Set(
      transitions.compactMap { transition in
        guard transition.cause == .merged, let before = transition.before, before.job.phase.isTerminal else {
          return nil
        }
        return before.job.snapshot?.predictionID
      })
  }
}

extension DurationHistogram {
  /// Records nothing where the provider did not report both times, or reported them out of order.
  fileprivate func record(from start: Timestamp?, to end: Timestamp?) {
    guard let start, let end, start <= end else { return }
    record(milliseconds: min(end.milliseconds - start.milliseconds, Usage.maxSpan))
  }
}
