internal import Time

/// A histogram of durations, in buckets that suit a disk: 100 µs to 10 s.
package struct DurationHistogram: MetricFamily {
  package let name: String
  package let help: String
  /// Upper bounds, in microseconds.
  private static let bounds = [
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000,
  ]
  private let buckets = (0...bounds.count).map { _ in AtomicNumber() }
  private let totalMicroseconds = AtomicNumber()

  package init(_ name: String, help: String) {
    self.name = name
    self.help = help
  }

  package func record(_ duration: Duration) {
    let microseconds = Int(clamping: duration.wholeNanoseconds / 1000)
    let bucket = Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count
    buckets[bucket].add(1)
    totalMicroseconds.add(microseconds)
  }

  package var type: MetricType { .histogram }

  /// Each bucket counts everything up to its bound; the last one counts all.
  package var samples: [MetricSample] {
    let bounds = Self.bounds.map { String(Double($0) / 1_000_000) } + ["+Inf"]
    var count = 0
    var samples = zip(bounds, buckets).map { bound, bucket in
      count += bucket.value
      return MetricSample(suffix: "_bucket", label: ("le", bound), value: String(count))
    }
    let seconds = Double(totalMicroseconds.value) / 1_000_000
    samples.append(MetricSample(suffix: "_sum", value: String(seconds)))
    samples.append(MetricSample(suffix: "_count", value: String(count)))
    return samples
  }
}
