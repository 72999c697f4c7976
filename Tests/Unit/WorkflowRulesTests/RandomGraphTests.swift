import Simulation
import Testing
import WorkflowDefinitions
import WorkflowGraphs
import WorkflowRules

/// Random graphs, against an evaluator that shares no code with the rules.
@Suite struct RandomGraphTests {
  /// Ends the open jobs in a random order, which must not matter.
  private static func finish(
    _ script: WorkflowScript, _ graph: Graph, _ generator: inout SeededGenerator, maxEnds: Int = .max
  ) {
    var ends = 0
    while ends < maxEnds, let order = script.open.randomElement(using: &generator) {
      ends += 1
      if script.canceled.contains(order.id.text), generator.chance(70) {
        script.end(order.id.text, .canceled)
      } else if let output = graph.output(at: order.id.place) {
        script.end(order.id.text, .output(output.text))
      } else {
        script.end(order.id.text, .failure("unknown"))
      }
    }
  }

  private static func compare(_ script: WorkflowScript, _ graph: Graph) {
    var naive = NaiveEvaluator(job: graph.output)
    naive.evaluate(graph.steps)
    let comment: Comment = "seed \(graph.seed): \(graph.text)"
    var fails = naive.refusedGate
    for step in graph.steps {
      guard let result = naive.results[step.name] else { continue }
      #expect(script.states[step.name] == result.state, comment)
      if case .output(let value) = result { #expect(script.output(of: step.name) == value.text, comment) }
      if !step.isOptional, result == .failed || result == .skippedByFailure { fails = true }
    }
    #expect(script.run.state == (fails ? .failed : .succeeded), comment)
    #expect((script.run.error != nil) == fails, comment)
    if !fails {
      let output = try? naive.value(graph.output, nil, 0)
      #expect(script.output == output?.text, comment)
    }
  }

  @Test(arguments: 0..<10)
  func `a thousand graphs end as the naive evaluator says`(_ part: UInt64) throws {
    for seed in part * 100..<(part + 1) * 100 {
      let graph = Graph(seed: seed)
      var generator = SeededGenerator(seed: seed &+ 1 << 40)
      let script = try WorkflowScript(graph.text)
      Self.finish(script, graph, &generator)
      #expect(script.run.state.isTerminal)
      #expect(script.ends == 1)
      Self.compare(script, graph)
    }
  }

  /// A canceled workflow that is resumed ends as if it had never been canceled.
  @Test(arguments: 0..<10)
  func `a cancel and a resume change no end`(_ part: UInt64) throws {
    for seed in part * 30..<(part + 1) * 30 {
      let graph = Graph(seed: seed)
      var generator = SeededGenerator(seed: seed &+ 1 << 41)
      let script = try WorkflowScript(graph.text)
      Self.finish(script, graph, &generator, maxEnds: Int.random(in: 0...10, using: &generator))
      guard !script.run.state.isTerminal else { continue }
      script.decide([.cancelRequested])
      Self.finish(script, graph, &generator)
      #expect(script.run.state == .canceled)
      #expect(script.run.openJobs == 0)
      #expect(!script.run.steps.contains { !$0.state.isOver })
      _ = script.resume()
      Self.finish(script, graph, &generator)
      Self.compare(script, graph)
    }
  }
}

extension WorkflowJobID {
  fileprivate var place: Graph.Place { Graph.Place(step: step, item: item, fallback: fallback) }
}
