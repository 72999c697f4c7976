import Jobs
import Ledger
import Observability
import StoreFixture
import StoreSeam
import Testing

@testable import UsageSums

/// The metrics of ended jobs, over each store.
@Suite(.everyStore) struct EndMetricsTests {
  private let metrics = EndMetrics()

  /// The samples other than 0 whose metric's name ends so.
  private func samples(_ name: String) -> Set<String> {
    let prefix = "replicate_webhookd_\(name)"
    return Set(
      MetricsPage(metrics.families).text.split(separator: "\n")
        .filter { $0.hasPrefix(prefix) && !$0.hasSuffix(" 0") }
        .map { String($0.dropFirst(prefix.count)) })
  }

  @Test func `ends are counted by model, state and code`() throws {
    let store = try UsageSums.store(metrics: metrics)
    try store.deliver("a", of: "p1", .running)
    #expect(samples("job_ends_total").isEmpty)
    try store.deliver("b", of: "p1", .succeeded)
    try store.deliver("c", of: "p2", .succeeded)
    try store.deliver("d", of: "p3", .failed, error: JobError(code: "out_of_memory", message: "E1001"))
    try store.deliver("e", of: "p4", .canceled)
    try store.place("j1", model: nil)
    try store.end(try store.step(), code: "answer_lost")
    // Those without effect are not counted.
    try store.deliver("b", of: "p1", .succeeded)
    try store.deliver("f", of: "p1", .failed)
    #expect(
      samples("job_ends_total") == [
        #"{model="owner/model",state="succeeded",code=""} 2"#,
        #"{model="owner/model",state="failed",code="out_of_memory"} 1"#,
        #"{model="owner/model",state="canceled",code=""} 1"#,
        #"{model="",state="failed",code="answer_lost"} 1"#,
      ])
  }

  /// Two seconds from creation to start, and five to the end.
  @Test func `the times of the provider become histograms`() throws {
    let store = try UsageSums.store(metrics: metrics)
    for prediction in ["p1", "p2", "p3"] { try store.deliver(prediction, of: prediction, .succeeded) }
    // Without a snapshot there are no times.
    try store.place("j1")
    try store.end(try store.step())
    #expect(samples("job_queue_seconds_sum") == [" 6.0"])
    #expect(samples("job_queue_seconds_bucket").contains(#"{le="2.5"} 3"#))
    #expect(!samples("job_queue_seconds_bucket").contains { $0.hasPrefix(#"{le="1.0"}"#) })
    #expect(samples("job_run_seconds_sum") == [" 15.0"])
    #expect(samples("job_run_seconds_count") == [" 3"])
    #expect(samples("job_run_seconds_bucket").contains(#"{le="5.0"} 3"#))
  }

  @Test(arguments: [Phase.running, .succeeded])
  func `an end that merges an orphan is counted once`(_ phase: Phase) throws {
    let store = try UsageSums.store(metrics: metrics)
    try store.end(try store.send("j1"), code: "answer_lost")
    try store.deliver("a", phase)
    try store.deliver("b", .running, naming: "j1", logs: 3)
    try store.deliver("c", .succeeded, naming: "j1")
    let counted = samples("job_ends_total").filter { $0.contains("succeeded") }
    #expect(counted == [#"{model="owner/model",state="succeeded",code=""} 1"#])
  }

  /// A commit that fails is decided again, in halves.
  @Test func `ends of a failed commit are not counted`() throws {
    let store = try UsageSums.store(metrics: metrics)
    #expect(throws: StorageError.rejected("no")) {
      try store.ledger.commit { (transaction) throws(StorageError) in
        _ = try transaction.record(Sample.delivery("a", "succeeded", .succeeded))
        throw .rejected("no")
      }
    }
    #expect(samples("job_ends_total").isEmpty)
    try store.deliver("a", .succeeded)
    #expect(samples("job_ends_total").count == 1)
  }
}

/// Apps and the provider choose the names of models.
@Suite struct EndCounterTests {
  private let counter = EndCounter()

  private func add(_ model: String, code: String = "") {
    counter.add(1, to: EndCounter.Series(model: model, phase: .failed, code: code))
  }

  private var counts: [String: Int] {
    Dictionary(
      MetricsPage([counter]).text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
        let end = $0.lastIndex(of: " ") ?? $0.endIndex
        return (String($0[..<end]), Int($0[end...].dropFirst()) ?? -1)
      }, uniquingKeysWith: +)
  }

  @Test func `each state exists before its first end`() {
    #expect(counts.count == 3 && counts.values.allSatisfy { $0 == 0 })
  }

  @Test func `further models are counted as others`() {
    for round in 0..<2 {
      for number in 0..<500 { add("owner/model-\(number)", code: round == 0 ? "a" : "b") }
    }
    add(String(repeating: "x", count: 256))
    #expect(counts.count <= 2 * EndCounter.maxModels + 5)
    #expect(counts.values.reduce(0, +) == 1001)
    let others = counts.filter { $0.key.contains(#"model="other""#) }
    #expect(others.values.reduce(0, +) == 1001 - 2 * (EndCounter.maxModels - 1))
  }

  @Test func `many codes of few models are bounded too`() {
    for number in 0..<3000 { add("owner/model-\(number % 99)", code: "code-\(number)") }
    let models = counts.filter { !$0.key.contains(#"model="other""#) }
    #expect(models.count == EndCounter.maxSeries)
    #expect(counts.values.reduce(0, +) == 3000)
  }
}
