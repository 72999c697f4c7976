/// How long answers took, in microseconds. Four bytes each, so that a million take 4 MB, and none is rounded into a bucket.
struct Latencies {
  private var microseconds: [UInt32] = []

  /// - Parameter expected: how many there will be; room is made for them before the clock starts.
  init(expected: Int) {
    microseconds.reserveCapacity(expected)
  }

  var count: Int { microseconds.count }

  /// What takes longer than 71 minutes counts as that.
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

  /// The nearest rank: the first place at which at least so many of a thousand are not larger.
  static func rank(_ perThousand: Int, of count: Int) -> Int {
    max(0, (count * perThousand + 999) / 1000 - 1)
  }

  /// In microseconds.
  struct Summary: Equatable {
    let p50: Int
    let p99: Int
    let p999: Int
    let max: Int
  }
}
