/// A page of metrics in Prometheus' text format, version 0.0.4.
///
/// https://prometheus.io/docs/instrumenting/exposition_formats/
package struct MetricsPage: Sendable {
  package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  package let families: [any MetricFamily]

  package init(_ families: [any MetricFamily]) {
    self.families = families
  }

  /// The sum of a family's samples, such as a status shows. Nil where there are none.
  ///
  /// - Parameter labels: the values of the label that count; nil for all.
  package func sum(of name: String, labels: Set<String>? = nil) -> Int? {
    guard let family = families.first(where: { $0.name == name }) else { return nil }
    let numbers = family.samples.filter { sample in
      guard let labels else { return true }
      return sample.labels.contains { labels.contains($0.value) }
    }.compactMap { Int($0.value) }
    return numbers.isEmpty ? nil : numbers.reduce(0, &+)
  }

  package var text: String {
    var text = ""
    for family in families {
      text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.type.rawValue)\n"
      for sample in family.samples {
        text += "\(family.name)\(sample.suffix)\(Self.text(of: sample.labels)) \(sample.value)\n"
      }
    }
    return text
  }

  private static func text(of labels: [(name: String, value: String)]) -> String {
    guard !labels.isEmpty else { return "" }
    return "{" + labels.map { "\($0.name)=\"\(escape($0.value))\"" }.joined(separator: ",") + "}"
  }

  /// The format escapes these three in the values of labels.
  private static func escape(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
