internal import Time

/// A histogram of durations.
package struct DurationHistogram: MetricFamily {
  package let name: String
  package let help: String
  private let bounds: DurationBounds
  private let buckets: [AtomicNumber]
  private let totalMicroseconds = AtomicNumber()

  package init(_ name: String, help: String, bounds: DurationBounds = .disk) {
    self.name = name
    self.help = help
    self.bounds = bounds
    buckets = (0...bounds.microseconds.count).map { _ in AtomicNumber() }
  }

  package func record(_ duration: Duration) {
    record(microseconds: Int(clamping: duration.wholeNanoseconds / 1000))
  }

  /// Records a duration without the arithmetic of `Duration`, which has 128 bits.
  package func record(milliseconds: Int64) {
    let (microseconds, isTooLarge) = Int(clamping: milliseconds).multipliedReportingOverflow(by: 1000)
    record(microseconds: isTooLarge ? .max : microseconds)
  }

  private func record(microseconds: Int) {
    let bucket = bounds.microseconds.firstIndex { microseconds <= $0 } ?? bounds.microseconds.count
    buckets[bucket].add(1)
    totalMicroseconds.add(microseconds)
  }

  package var type: MetricType { .histogram }

  package var samples: [MetricSample] {
    bounds.samples(of: buckets.map(\.value), totalMicroseconds: totalMicroseconds.value)
  }
}

/// The upper bounds of a histogram's buckets.
package struct DurationBounds: Sendable {
  /// In ascending order.
  package let microseconds: [Int]

  package init(microseconds: [Int]) { self.microseconds = microseconds }

  /// For a disk: 100 µs to 10 s.
  package static let disk = DurationBounds(microseconds: [
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000,
  ])

  /// For predictions: 100 ms to an hour.
  package static let predictions = DurationBounds(
    microseconds: [100, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000]
      .map { $0 * 1000 } + [3_600_000_000])

  /// The samples of a histogram.
  ///
  /// Each bucket counts everything up to its bound; the last one counts all.
  ///
  /// - Parameter counts: the number of durations in each bucket, one more than there are bounds.
  package func samples(
    of counts: [Int], totalMicroseconds: Int, labels: [(name: String, value: String)] = []
  ) -> [MetricSample] {
    let bounds = microseconds.map { String(Double($0) / 1_000_000) } + ["+Inf"]
    var count = 0
    var samples = zip(bounds, counts).map { bound, number in
      count += number
      return MetricSample(suffix: "_bucket", labels: labels + [("le", bound)], value: String(count))
    }
    let seconds = Double(totalMicroseconds) / 1_000_000
    samples.append(MetricSample(suffix: "_sum", labels: labels, value: String(seconds)))
    samples.append(MetricSample(suffix: "_count", labels: labels, value: String(count)))
    return samples
  }
}
