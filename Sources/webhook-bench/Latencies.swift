/// Latencies in microseconds, without histogram buckets.
///
/// Four bytes each, so that a million take 4 MB.
struct Latencies {
  private var microseconds: [UInt32] = []

  /// - Parameter expected: the expected number, reserved before the clock starts.
  init(expected: Int) {
    microseconds.reserveCapacity(expected)
  }

  var count: Int { microseconds.count }

  /// Adds a latency, clamped to 71 minutes.
  mutating func add(nanoseconds: UInt64) {
    microseconds.append(UInt32(clamping: (nanoseconds + 500) / 1000))
  }

  func summary() -> Summary? {
    guard !microseconds.isEmpty else { return nil }
    let sorted = microseconds.sorted()
    func percentile(_ perThousand: Int) -> Int { Int(sorted[Self.rank(perThousand, of: sorted.count)]) }
    return Summary(
      p50: percentile(500), p99: percentile(990), p999: percentile(999),
      max: Int(sorted[sorted.count - 1]))
  }

  /// The index of a percentile by the nearest-rank method.
  static func rank(_ perThousand: Int, of count: Int) -> Int {
    max(0, (count * perThousand + 999) / 1000 - 1)
  }

  /// Percentiles in microseconds.
  struct Summary: Equatable {
    let p50: Int
    let p99: Int
    let p999: Int
    let max: Int
  }
}
