/// A number of events since the start.
package struct Counter: MetricFamily {
  package let name: String
  package let help: String
  private let number = AtomicNumber()

  package init(_ name: String, help: String) {
    self.name = name
    self.help = help
  }

  package var type: MetricType { .counter }
  package var samples: [MetricSample] { [MetricSample(value: String(value))] }
  package var value: Int { number.value }

  package func add(_ amount: Int = 1) { number.add(amount) }
}

/// Numbers of events since the start, by the value of a label.
package struct LabeledCounter<Value: RawRepresentable<String> & Sendable>: MetricFamily {
  package let name: String
  package let help: String
  private let numbers: LabeledNumbers

  package init(_ name: String, help: String, label: String, values: [Value]) {
    self.name = name
    self.help = help
    numbers = LabeledNumbers(label: label, values: values.map(\.rawValue))
  }

  package var type: MetricType { .counter }
  package var samples: [MetricSample] { numbers.samples }

  /// Adds to the counter of `value`, which must have been declared.
  package func add(_ amount: Int = 1, for value: Value) { numbers[value.rawValue]?.add(amount) }
}

/// Numbers of events since the start, by the position of their cause in a setting.
package struct PositionCounter: MetricFamily {
  package let name: String
  package let help: String
  private let numbers: LabeledNumbers

  /// - Parameter count: the number of positions, which begin at 1.
  package init(_ name: String, help: String, count: Int) {
    self.name = name
    self.help = help
    numbers = LabeledNumbers(label: "position", values: (0..<count).map { String($0 + 1) })
  }

  package var type: MetricType { .counter }
  package var samples: [MetricSample] { numbers.samples }

  package func add(_ amount: Int = 1, at position: Int) { numbers[position - 1]?.add(amount) }
}

/// A sum since the start that is read when `/metrics` is.
package struct ComputedCounter: MetricFamily {
  package let name: String
  package let help: String
  private let read: @Sendable () -> Double?

  /// - Parameter read: nil where the sum is not known, so that the counter has no sample.
  package init(_ name: String, help: String, read: @escaping @Sendable () -> Double?) {
    self.name = name
    self.help = help
    self.read = read
  }

  package var type: MetricType { .counter }
  package var samples: [MetricSample] { read().map { [MetricSample(value: String($0))] } ?? [] }
}

/// Numbers of events since the start, by the values of several labels.
package struct CombinedCounter<Value: Hashable & Sendable>: MetricFamily {
  package let name: String
  package let help: String
  private let numbers: [(value: Value, labels: [(name: String, value: String)], number: AtomicNumber)]

  /// - Parameters:
  ///   - values: the combinations that occur.
  ///   - labels: the labels of one.
  package init(
    _ name: String, help: String, values: [Value], labels: (Value) -> [(name: String, value: String)]
  ) {
    self.name = name
    self.help = help
    numbers = values.map { ($0, labels($0), AtomicNumber()) }
  }

  package var type: MetricType { .counter }
  package var samples: [MetricSample] {
    numbers.map { MetricSample(labels: $0.labels, value: String($0.number.value)) }
  }

  /// Adds to the counter of `value`, which must have been declared.
  package func add(_ amount: Int = 1, for value: Value) {
    numbers.first { $0.value == value }?.number.add(amount)
  }
}

/// Numbers of events since the start that are read when `/metrics` is, by the value of one label.
package struct ComputedLabelCounter: MetricFamily {
  package let name: String
  package let help: String
  private let label: String
  private let read: @Sendable () -> [(value: String, count: Int)]

  /// - Parameter read: returns each value of the label once. None needs an escape.
  package init(
    _ name: String, help: String, label: String,
    read: @escaping @Sendable () -> [(value: String, count: Int)]
  ) {
    self.name = name
    self.help = help
    self.label = label
    self.read = read
  }

  package var type: MetricType { .counter }
  package var samples: [MetricSample] {
    read().map { MetricSample(label: (label, $0.value), value: String($0.count)) }
  }
}
