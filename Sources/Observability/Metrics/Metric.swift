internal import Synchronization

/// A metric of `/metrics`: name, help text, type and current samples.
///
/// A room declares each of its metrics once, together with the storage in which it counts. All label values
/// are known from the start, so that a rate exists before the first event. Names follow Prometheus'
/// conventions: base units, `_total` for counters (https://prometheus.io/docs/practices/naming/).
package protocol MetricFamily: Sendable {
  var name: String { get }
  var help: String { get }
  var type: MetricType { get }
  var samples: [MetricSample] { get }
}

package enum MetricType: String, Sendable {
  case counter, gauge, histogram
}

/// One sample of a metric: its labels and its value.
package struct MetricSample: Sendable {
  /// Follows the metric's name: `_bucket`, `_sum` or `_count` of a histogram.
  let suffix: String
  let labels: [(name: String, value: String)]
  let value: String

  package init(suffix: String = "", labels: [(name: String, value: String)] = [], value: String) {
    (self.suffix, self.labels, self.value) = (suffix, labels, value)
  }

  init(suffix: String = "", label: (name: String, value: String), value: String) {
    self.init(suffix: suffix, labels: [label], value: value)
  }
}

/// A number that any thread may change.
final class AtomicNumber: Sendable {
  private let storage = Atomic<Int>(0)

  var value: Int { storage.load(ordering: .relaxed) }

  /// Wraps around beyond the largest number, which looks like a restart.
  func add(_ amount: Int) { storage.wrappingAdd(amount, ordering: .relaxed) }

  func set(_ value: Int) { storage.store(value, ordering: .relaxed) }
}

/// One number per value of a label.
struct LabeledNumbers: Sendable {
  private let label: String
  private let values: [String]
  private let numbers: [AtomicNumber]

  init(label: String, values: [String]) {
    self.label = label
    self.values = values
    numbers = values.map { _ in AtomicNumber() }
  }

  /// Nil for a value that was not declared.
  subscript(value: String) -> AtomicNumber? {
    // The values are few: comparing with each takes less time than a hash.
    values.firstIndex(of: value).map { numbers[$0] }
  }

  /// The number of the value at `index`; nil beyond the last one.
  subscript(index: Int) -> AtomicNumber? {
    numbers.indices.contains(index) ? numbers[index] : nil
  }

  var samples: [MetricSample] {
    zip(values, numbers).map { value, number in
      MetricSample(label: (label, value), value: String(number.value))
    }
  }
}
