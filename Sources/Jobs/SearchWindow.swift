package import Time

/// When a lost prediction may have been created, by the provider's clock.
package struct SearchWindow {
  package let start: Timestamp
  private let end: Timestamp

  /// The clocks' difference, in milliseconds.
  private static let tolerance: Int64 = 300_000
  private static let day: Int64 = 86_400_000

  package init(of step: OrderStep, at now: Timestamp) {
    let order = step.order
    guard let sentAt = order.sentAt, !order.isRestored else {
      // Another daemon may have made the call at any later time.
      start = min(step.job.createdAt ?? now, now).advanced(byMilliseconds: -Self.tolerance)
      end = .distantFuture
      return
    }
    // A call in the future was made while the clock was wrong, and so perhaps was a very old one.
    let isWrong = sentAt > now
    start = (isWrong ? now : sentAt).advanced(byMilliseconds: isWrong ? -Self.day : -Self.tolerance)
    let isOld = now.milliseconds - sentAt.milliseconds > Self.day
    end =
      isWrong || isOld
      ? .distantFuture
      : max(sentAt, order.absenceConclusiveAt ?? now).advanced(byMilliseconds: Self.tolerance)
  }

  /// A prediction without a time may be in any window.
  package func contains(_ moment: Timestamp?) -> Bool { moment.map { start <= $0 && $0 <= end } ?? true }
}
