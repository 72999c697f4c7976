import ArgumentParser

@main
struct WebhookBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "webhook-bench",
    abstract: "Measures how fast a receiver acknowledges signed deliveries, and what that costs it.",
    discussion: """
      Starts replicate-webhookd on a temporary database and on ports of the system's choice, or takes the receiver that \
      --url names. All deliveries are signed in memory before the clock starts.

      The loop is closed: each connection sends its next request when the last one is answered, so there are never more \
      requests under way than connections. The time of a request is from its first byte written to its answer read. A \
      receiver that stands still is therefore sent nothing meanwhile: the percentiles are of the requests that were sent, \
      and not of a sender that keeps its pace (coordinated omission). More connections give more throughput and longer \
      waits; compare only runs with the same number.

      The database is made in TMPDIR, or /tmp: it should lie on the disk that counts. Exit status: 0; 1 where an answer \
      was not the expected one or --verify found something missing; 69 where nobody answers; 78 where an option does not \
      fit. See deploy/benchmark.md.
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
