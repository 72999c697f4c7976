internal import Jobs

/// The column `ended_unheard`: which snapshot reported a job's end.
///
/// It holds the number of an ``EndSource``, and 1 only while no delivery has reported an end that polling
/// found: earlier versions stored 1 for that, 0 for all else, and compare with 1.
enum EndMark {
  /// Polling found the end, and a delivery has reported it since.
  private static let deliveredLate: Int64 = 4

  static func number(of job: Job) -> Int64 {
    guard let source = job.endSource else { return job.endFoundByPolling ? EndSource.poll.number : 0 }
    return source == .poll && !job.endFoundByPolling ? deliveredLate : source.number
  }

  static func source(_ number: Int64) -> EndSource? {
    number == deliveredLate ? .poll : EndSource(number: number)
  }

  /// The condition on a job that ended so.
  static func condition(_ source: EndSource) -> String {
    let ends = "('succeeded', 'failed', 'canceled')"
    let numbers = source == .poll ? "\(source.number), \(deliveredLate)" : "\(source.number)"
    return switch source {
    case .daemon: "phase IN \(ends) AND coalesce(snapshot_phase, '') NOT IN \(ends)"
    case .webhook, .poll, .answer:
      "phase IN \(ends) AND snapshot_phase IN \(ends) AND ended_unheard IN (\(numbers))"
    }
  }
}
