internal import Time

/// The time that the peer of a stream may still keep it waiting.
///
/// It begins with the grace of a minimum rate. Waiting spends it, and every byte restores some of it, up to
/// the grace again. So a stream may last for hours and its handler may pause, but no peer can save time for a
/// stall.
struct StallAllowance {
  private let rate: MinimumTransferRate
  private var left: Duration

  init(_ rate: MinimumTransferRate) {
    self.rate = rate
    left = rate.grace
  }

  func deadline(at now: MonotonicTime) -> MonotonicTime { now + left }

  mutating func spend(_ waited: Duration) {
    left = max(.zero, left - waited)
  }

  mutating func restore(movedBytes count: Int) {
    left = min(
      rate.grace, left + .nanoseconds(Int64(count) * 1_000_000_000 / Int64(max(1, rate.bytesPerSecond))))
  }
}
