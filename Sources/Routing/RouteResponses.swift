internal import HTTPServer
internal import Synchronization
package import Time

/// Counts of a route's responses by status, and how long they took.
///
/// The loop of its listener writes, and any thread reads.
package final class RouteResponses: ResponseObserver, Sendable {
  /// Upper bounds of the buckets of durations, in microseconds.
  package static let bounds = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
  ]
  /// The statuses from 200 to 231, from 300 to 331, and so on: each that HTTP defines is among them.
  private let statuses: InlineArray<128, Count> = InlineArray { _ in Count() }
  private let buckets: InlineArray<14, Count> = InlineArray { _ in Count() }
  private let totalMicroseconds = Count()

  package init() {}

  package func noteResponse(_ status: Int) {
    let (hundreds, rest) = status.quotientAndRemainder(dividingBy: 100)
    guard (2...5).contains(hundreds), rest < 32 else { return }
    statuses[(hundreds - 2) << 5 | rest].add(1)
  }

  package func noteResponse(_ status: Int, since start: MonotonicTime, at now: MonotonicTime) {
    noteResponse(status)
    let nanoseconds = now.nanoseconds > start.nanoseconds ? now.nanoseconds - start.nanoseconds : 0
    let microseconds = Int(truncatingIfNeeded: nanoseconds / 1000)
    // Nearly all, and without a look at the array.
    if microseconds <= 500 {
      buckets[0].add(1)
    } else {
      buckets[Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count].add(1)
    }
    totalMicroseconds.add(microseconds)
  }
}

// MARK: - Reading

extension RouteResponses {
  /// The statuses of the responses so far, with their numbers.
  package var counts: [(status: Int, count: Int)] {
    statuses.indices.compactMap { index in
      let count = statuses[index].value
      return count == 0 ? nil : ((index >> 5 + 2) * 100 + index & 31, count)
    }
  }

  /// How long responses took. Streams are not among them, nor what was refused by its header section.
  package var durations: (buckets: [Int], totalMicroseconds: Int) {
    (buckets.indices.map { buckets[$0].value }, totalMicroseconds.value)
  }
}

/// A number that one thread writes, which costs no locked instruction.
private struct Count: ~Copyable, Sendable {
  private let number = Atomic<Int>(0)

  var value: Int { number.load(ordering: .relaxed) }

  func add(_ amount: Int) {
    number.store(number.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }
}
