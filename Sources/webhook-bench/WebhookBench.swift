import ArgumentParser

@main
struct WebhookBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "webhook-bench",
    abstract: "Measures a receiver's throughput, latency and cost of signed deliveries.",
    discussion: """
      Starts replicate-webhookd on a temporary database and on free ports, or uses the receiver that --url \
      names. All deliveries are signed in memory before the clock starts.

      The load is a closed loop: each connection sends its next request after the response to the last one, \
      so requests in flight never exceed the connections. Latency is measured from the first byte written to \
      the response read. A stalled receiver is therefore sent nothing meanwhile: the percentiles are those \
      of the requests sent, not of a constant arrival rate (coordinated omission). More connections give \
      more throughput and higher latency; compare only runs with the same number.

      The database is made in TMPDIR, or /tmp: it should lie on the disk that counts. Exit status: 0; 1 if \
      a response was not the expected one or --verify found something missing; 69 if nothing responds; 78 if \
      an option does not fit. See deploy/docs/benchmark.md.
      """)

  @OptionGroup var options: BenchmarkOptions

  func run() throws {
    guard !options.list else {
      let width = Scenario.allCases.map(\.rawValue.count).max() ?? 0
      for scenario in Scenario.allCases {
        let padding = String(repeating: " ", count: width - scenario.rawValue.count + 2)
        Output.line("\(scenario.rawValue)\(padding)\(scenario.explanation)")
      }
      return
    }
    do {
      Interruption.blockSignals()
      let benchmark = Benchmark(options)
      for scenario in options.scenario.scenarios { try benchmark.run(scenario) }
      if !benchmark.isFaultless { throw ExitCode(1) }
    } catch let failure as Failure {
      Output.error("webhook-bench: \(failure.description)\n")
      throw ExitCode(failure.status.rawValue)
    }
  }
}
