/// A number that rises and falls.
package struct Gauge: MetricFamily {
  package let name: String
  package let help: String
  private let number = AtomicNumber()

  package init(_ name: String, help: String) {
    self.name = name
    self.help = help
  }

  package var type: MetricType { .gauge }
  package var samples: [MetricSample] { [MetricSample(value: String(value))] }
  package var value: Int { number.value }

  package func add(_ amount: Int = 1) { number.add(amount) }

  package func set(_ value: Int) { number.set(value) }
}

/// Numbers that rise and fall, by the value of a label.
package struct LabeledGauge<Value: RawRepresentable<String> & Sendable>: MetricFamily {
  package let name: String
  package let help: String
  private let numbers: LabeledNumbers

  package init(_ name: String, help: String, label: String, values: [Value]) {
    self.name = name
    self.help = help
    numbers = LabeledNumbers(label: label, values: values.map(\.rawValue))
  }

  package var type: MetricType { .gauge }
  package var samples: [MetricSample] { numbers.samples }

  /// Sets the number of `value`, which must have been declared.
  package func set(_ number: Int, for value: Value) { numbers[value.rawValue]?.set(number) }
}

/// Numbers that rise and fall, by the position of their cause in a setting.
package struct PositionGauge: MetricFamily {
  package let name: String
  package let help: String
  private let numbers: LabeledNumbers

  /// - Parameter count: the number of positions, which begin at 1.
  package init(_ name: String, help: String, count: Int) {
    self.name = name
    self.help = help
    numbers = LabeledNumbers(label: "position", values: (0..<count).map { String($0 + 1) })
  }

  package var type: MetricType { .gauge }
  package var samples: [MetricSample] { numbers.samples }

  package func set(_ number: Int, at position: Int) { numbers[position - 1]?.set(number) }
}

/// A number that is read when `/metrics` is.
package struct ComputedGauge: MetricFamily {
  package let name: String
  package let help: String
  private let read: @Sendable () -> Int?

  /// - Parameter read: nil where the number is not known, so that the gauge has no sample.
  package init(_ name: String, help: String, read: @escaping @Sendable () -> Int?) {
    self.name = name
    self.help = help
    self.read = read
  }

  package var type: MetricType { .gauge }
  package var samples: [MetricSample] { read().map { [MetricSample(value: String($0))] } ?? [] }
}

/// Which one of the values of a label applies, read when `/metrics` is.
package struct ChoiceGauge: MetricFamily {
  package let name: String
  package let help: String
  private let label: String
  private let values: [String]
  private let read: @Sendable () -> String?

  /// - Parameter read: the value whose sample is 1; nil where each is 0.
  package init(
    _ name: String, help: String, label: String, values: [String], read: @escaping @Sendable () -> String?
  ) {
    self.name = name
    self.help = help
    self.label = label
    self.values = values
    self.read = read
  }

  package var type: MetricType { .gauge }
  package var samples: [MetricSample] {
    let present = read()
    return values.map { MetricSample(label: (label, $0), value: $0 == present ? "1" : "0") }
  }
}

/// Durations that are read when `/metrics` is, by the value of one label.
package struct DurationGauge: MetricFamily {
  package let name: String
  package let help: String
  private let label: String
  private let readers: [(value: String, read: @Sendable () -> Duration)]

  package init(
    _ name: String, help: String, label: String,
    readers: [(value: String, read: @Sendable () -> Duration)]
  ) {
    self.name = name
    self.help = help
    self.label = label
    self.readers = readers
  }

  package var type: MetricType { .gauge }
  package var samples: [MetricSample] {
    readers.map { value, read in
      MetricSample(label: (label, value), value: String(read() / .seconds(1)))
    }
  }
}

/// Facts that do not change while the process runs, as labels of a 1.
package struct InfoGauge: MetricFamily {
  package let name: String
  package let help: String
  package let samples: [MetricSample]

  /// - Parameter name: ends with `_info`, by Prometheus' convention.
  package init(_ name: String, help: String, labels: [(name: String, value: String)]) {
    self.name = name
    self.help = help
    samples = [MetricSample(labels: labels, value: "1")]
  }

  package var type: MetricType { .gauge }
}
