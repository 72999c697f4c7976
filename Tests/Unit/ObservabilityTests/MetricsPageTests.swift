import Testing

@testable import Observability

/// Prometheus' text format.
@Suite struct MetricsPageTests {
  private struct Family: MetricFamily {
    let samples: [MetricSample]
    let name = "name"
    let help = "Help."
    let type = MetricType.gauge
  }

  private func lines(_ samples: [MetricSample]) -> [String] {
    MetricsPage([Family(samples: samples)]).text.split(separator: "\n").dropFirst(2).map(String.init)
  }

  @Test(
    arguments: [
      ("owner/model", "owner/model"), (#"a"b"#, #"a\"b"#), (#"a\b"#, #"a\\b"#), ("a\nb", #"a\nb"#),
      ("a\r\nb", "a\r\\nb"), ("é{}=,", "é{}=,"), (#"\""#, #"\\\""#), ("", ""),
    ])
  func `values of labels are escaped`(_ value: String, _ text: String) {
    #expect(lines([MetricSample(labels: [("model", value)], value: "1")]) == [#"name{model="\#(text)"} 1"#])
  }

  @Test func `labels keep their order`() {
    #expect(
      lines([MetricSample(suffix: "_sum", labels: [("b", "1"), ("a", "2")], value: "3")]) == [
        #"name_sum{b="1",a="2"} 3"#
      ])
    #expect(lines([MetricSample(value: "3")]) == ["name 3"])
  }

  @Test(
    arguments: [
      (0, "0.1"), (100, "0.1"), (101, "0.5"), (3_600_000, "3600.0"), (3_600_001, "+Inf"), (.max, "+Inf"),
    ] as [(Int64, String)])
  func `a duration is counted up to its bound`(_ milliseconds: Int64, _ bound: String) {
    let histogram = DurationHistogram("name", help: "Help.", bounds: .predictions)
    histogram.record(milliseconds: milliseconds)
    let counted = MetricsPage([histogram]).text.split(separator: "\n").first { $0.hasSuffix(" 1") }
    #expect(counted == #"name_bucket{le="\#(bound)"} 1"#)
  }

  @Test func `a combination of labels has its own number`() {
    let counter = CombinedCounter("name", help: "Help.", values: [1, 2]) {
      [("a", String($0)), ("b", String($0 * 2))]
    }
    counter.add(for: 2)
    counter.add(for: 3)
    #expect(counter.samples.map(\.value) == ["0", "1"])
  }
}
