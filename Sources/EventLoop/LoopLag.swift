internal import Synchronization
package import Time

/// The lag of an event loop: how long its turns take, and how late its timers run.
///
/// While a turn runs, everything else on the loop waits. The loop records, and any thread reads. Two maxima
/// are kept, of the current window and of the one before, so a stall stays visible for at least ``window``.
package final class LoopLag: Sendable {
  /// Longer than the usual interval of a Prometheus scrape, so that no stall falls between two scrapes.
  package static let window: Duration = .seconds(30)

  /// The maxima of windows with an even and with an odd number.
  private let even = Atomic<UInt64>(0)
  private let odd = Atomic<UInt64>(0)
  /// The start of the running turn, in nanoseconds; 0 while the loop waits.
  private let turnStart = Atomic<UInt64>(0)

  package init() {}

  /// A window's number and its maximum in one word, so that a reader never mixes two windows.
  private struct WindowMaximum {
    var window: UInt64
    var microseconds: UInt64

    private static let microsecondBits: UInt64 = 40
    private static let windowNanoseconds = LoopLag.window.wholeNanoseconds

    init(_ lag: Duration, at now: MonotonicTime) {
      window = now.nanoseconds / Self.windowNanoseconds
      microseconds = min(lag.wholeNanoseconds / 1000, 1 << Self.microsecondBits - 1)
    }

    init(packed: UInt64) {
      window = packed >> Self.microsecondBits
      microseconds = packed & (1 << Self.microsecondBits - 1)
    }

    var packed: UInt64 { window << Self.microsecondBits | microseconds }
  }

  /// The maximum of the last 30 to 60 seconds, including a turn that still runs.
  package func maximum(at now: MonotonicTime) -> Duration {
    let start = turnStart.load(ordering: .relaxed)
    let running = start == 0 ? .zero : now - MonotonicTime(nanoseconds: start)
    var maximum = WindowMaximum(running, at: now)
    for word in [even.load(ordering: .relaxed), odd.load(ordering: .relaxed)] {
      let recorded = WindowMaximum(packed: word)
      guard recorded.window + 1 >= maximum.window else { continue }
      maximum.microseconds = max(maximum.microseconds, recorded.microseconds)
    }
    return .microseconds(maximum.microseconds)
  }

  func beginTurn(at now: MonotonicTime) {
    turnStart.store(now.nanoseconds, ordering: .relaxed)
  }

  func endTurn(at now: MonotonicTime) {
    let start = turnStart.exchange(0, ordering: .relaxed)
    if start > 0 { record(now - MonotonicTime(nanoseconds: start), at: now) }
  }

  /// Only the loop writes, so a load and a store suffice.
  func record(_ lag: Duration, at now: MonotonicTime) {
    let new = WindowMaximum(lag, at: now)
    if new.window.isMultiple(of: 2) {
      if Self.isExceeded(even.load(ordering: .relaxed), by: new) {
        even.store(new.packed, ordering: .relaxed)
      }
    } else {
      if Self.isExceeded(odd.load(ordering: .relaxed), by: new) { odd.store(new.packed, ordering: .relaxed) }
    }
  }

  private static func isExceeded(_ word: UInt64, by new: WindowMaximum) -> Bool {
    let recorded = WindowMaximum(packed: word)
    return recorded.window != new.window || recorded.microseconds < new.microseconds
  }
}
