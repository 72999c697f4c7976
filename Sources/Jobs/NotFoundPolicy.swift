package import Time

/// How many 404s in a row it takes to believe them.
///
/// One proves nothing: for a few minutes a wrong API address, another account's token or a proxy may answer
/// for the provider. What is believed ends a job.
package struct NotFoundPolicy: Equatable, Sendable {
  package let minAnswers: Int
  /// From the first to the last, in milliseconds.
  package let minSpan: Int64

  /// For a prediction that was created. Five minutes are a restart with wrong settings, seen and undone.
  package static let prediction = NotFoundPolicy(minAnswers: 4, minSpan: 300_000)
  /// For the model of a prediction that is to be created. Nothing is lost but time, and usually the name is
  /// wrong.
  package static let creation = NotFoundPolicy(minAnswers: 4, minSpan: 120_000)

  /// - Parameters:
  ///   - moments: when it was answered so since the last other answer or delivery.
  ///   - now: what was answered later than that was dated by a clock that was wrong.
  package func isMet(by moments: [Timestamp], at now: Timestamp) -> Bool {
    let dated = moments.filter { $0 <= now }
    guard dated.count >= minAnswers, let first = dated.min() else { return false }
    return first.advanced(byMilliseconds: minSpan) <= now
  }

  /// Until a call that creates is made again, after so many 404s: 10, 20, 40, 60 seconds, in milliseconds.
  package static func creationPause(afterAnswers count: Int) -> Int64 {
    min(60_000, 10_000 << Int64(min(max(count - 1, 0), 3)))
  }
}
