internal import Synchronization
package import Time

/// The lag of an event loop: how long its turns take, and how late its timers run.
///
/// While a turn runs, everything else on the loop waits. The loop records, and any thread reads. Two maxima
/// are kept, of the current window and of the one before, so a stall stays visible for at least one window.
package final class LoopLag: Sendable {
  /// The nanoseconds of a window as a power of two, 34 s, which costs a shift in every turn and no division.
  /// It is longer than the usual interval of a Prometheus scrape, so that no stall falls between two scrapes.
  private static let windowShift: UInt64 = 35
  /// The bits of a word that hold a maximum in microseconds; those above hold the number of its window.
  private static let maximumBits: UInt64 = 40
  private static let maximumMask: UInt64 = 1 << maximumBits - 1

  /// The maxima of windows with an even and with an odd number. Each word has its window's number, so that a
  /// reader never mixes two windows.
  private let even = Atomic<UInt64>(0)
  private let odd = Atomic<UInt64>(0)
  /// The start of the running turn, in nanoseconds; 0 while the loop waits.
  private let turnStart = Atomic<UInt64>(0)

  package init() {}

  /// The maximum of the last 34 to 68 seconds, including a turn that still runs.
  package func maximum(at now: MonotonicTime) -> Duration {
    let window = now.nanoseconds >> Self.windowShift
    let start = turnStart.load(ordering: .relaxed)
    var maximum = start == 0 || start > now.nanoseconds ? 0 : (now.nanoseconds - start) / 1000
    for word in [even.load(ordering: .relaxed), odd.load(ordering: .relaxed)]
    where word >> Self.maximumBits + 1 >= window {
      maximum = max(maximum, word & Self.maximumMask)
    }
    return .microseconds(maximum)
  }

  func beginTurn(at now: MonotonicTime) {
    turnStart.store(now.nanoseconds, ordering: .relaxed)
  }

  func endTurn(at now: MonotonicTime) {
    // Only the loop writes, so no exchange is needed, here or below.
    let start = turnStart.load(ordering: .relaxed)
    turnStart.store(0, ordering: .relaxed)
    if start > 0 { record(since: start, at: now) }
  }

  /// Records how late a timer runs that was due at `deadline`.
  func recordTimer(dueAt deadline: MonotonicTime, at now: MonotonicTime) {
    record(since: deadline.nanoseconds, at: now)
  }

  private func record(since start: UInt64, at now: MonotonicTime) {
    guard start < now.nanoseconds else { return }
    let microseconds = min((now.nanoseconds - start) / 1000, Self.maximumMask)
    let window = now.nanoseconds >> Self.windowShift
    let word = window << Self.maximumBits | microseconds
    // A word of an earlier window is smaller, because the window is in its upper bits.
    if window & 1 == 0 {
      if even.load(ordering: .relaxed) < word { even.store(word, ordering: .relaxed) }
    } else {
      if odd.load(ordering: .relaxed) < word { odd.store(word, ordering: .relaxed) }
    }
  }
}
