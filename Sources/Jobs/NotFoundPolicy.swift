package import Time

/// How many consecutive 404s count as proof of absence.
///
/// A single 404 proves nothing: a wrong API address, another account's token or a proxy may answer instead of
/// the provider for a few minutes. Proof ends the job.
package struct NotFoundPolicy: Equatable, Sendable {
  package let minAnswers: Int
  /// The minimum time from the first to the last, in milliseconds.
  package let minSpan: Int64

  /// The policy for a prediction that exists.
  ///
  /// Five minutes cover a restart with wrong settings that is noticed and undone.
  package static let prediction = NotFoundPolicy(minAnswers: 4, minSpan: 300_000)
  /// The policy for the model of a prediction that is to be created.
  ///
  /// Only time is at stake, and usually the model's name is wrong.
  package static let creation = NotFoundPolicy(minAnswers: 4, minSpan: 120_000)

  /// Whether these 404s suffice.
  ///
  /// - Parameters:
  ///   - moments: the times of the 404s since the last other answer or delivery.
  ///   - now: the present. Later moments were recorded while the clock was wrong, and do not count.
  package func isMet(by moments: [Timestamp], at now: Timestamp) -> Bool {
    let dated = moments.filter { $0 <= now }
    guard dated.count >= minAnswers, let first = dated.min() else { return false }
    return first.advanced(byMilliseconds: minSpan) <= now
  }

  /// The backoff before the next create call, in milliseconds.
  ///
  /// 10, 20, 40, then 60 seconds, by the number of 404s so far.
  package static func creationPause(afterAnswers count: Int) -> Int64 {
    min(60_000, 10_000 << Int64(min(max(count - 1, 0), 3)))
  }
}
