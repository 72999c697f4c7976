import Testing
import WorkflowDefinitions
import WorkflowRules

/// Random graphs, against an evaluator that shares no code with the rules.
@Suite struct RandomGraphTests {
  /// SplitMix64, so that a seed gives the same graph everywhere.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  }

  /// A graph, and how its jobs end.
  struct Graph {
    var steps: [PlannedStep] = []
    let seed: UInt64

    init(seed: UInt64) {
      self.seed = seed
      var generator = Generator(state: seed)
      // Most graphs are small, because their evaluation is looked at more closely.
      let count =
        generator.chance(10)
        ? Int.random(in: 20...50, using: &generator) : Int.random(in: 1...8, using: &generator)
      let names = (0..<count).map { "s\($0)" }
      for name in names { steps.append(Self.step(name, after: steps.map(\.name), &generator)) }
      steps.shuffle(using: &generator)
    }

    private static func step(
      _ name: String, after earlier: [String], _ generator: inout Generator
    ) -> PlannedStep {
      var step = PlannedStep(name: name)
      let isFanOut = generator.chance(25)
      if isFanOut {
        step.list =
          generator.chance(60)
          ? .array((0..<Int.random(in: 0...7, using: &generator)).map { .value(.number($0)) })
          : reference(earlier, &generator)
        step.skipsFailures = generator.chance(50)
        step.parallel = Int.random(in: 1...4, using: &generator)
      }
      for _ in 0..<Int.random(in: 0...2, using: &generator) {
        step.input.append(formula(earlier, isFanOut, 0, &generator))
      }
      if let other = earlier.randomElement(using: &generator) {
        if generator.chance(10) { step.after = [other] }
        if generator.chance(15) {
          step.condition = (other, Int.random(in: 0...2, using: &generator), generator.chance(20))
        }
      }
      if generator.chance(20) { step.fallbacks = Int.random(in: 1...3, using: &generator) }
      step.isOptional = generator.chance(30)
      return step
    }

    /// A list that is no plain value, which would be rejected.
    private static func reference(_ earlier: [String], _ generator: inout Generator) -> Formula {
      let formula = formula(earlier, false, 0, &generator)
      if case .value = formula { return .array([formula]) }
      return formula
    }

    private static func formula(
      _ earlier: [String], _ hasItem: Bool, _ depth: Int, _ generator: inout Generator
    ) -> Formula {
      if hasItem, generator.chance(30) { return generator.chance(50) ? .item : .index }
      guard let step = earlier.randomElement(using: &generator), depth < 3, generator.chance(80) else {
        return .value(generator.chance(50) ? .number(7) : .array([.number(1), .string("b")]))
      }
      let path = generator.chance(40) ? [Int.random(in: 0...2, using: &generator)] : []
      switch Int.random(in: 0..<10, using: &generator) {
      case 0...4: return .from(step, path, fallback: nil)
      case 5...6: return .from(step, path, fallback: formula(earlier, hasItem, depth + 1, &generator))
      case 7...8:
        return .first(
          (0..<Int.random(in: 1...3, using: &generator)).map { _ in
            formula(earlier, hasItem, depth + 1, &generator)
          })
      default: return .array([formula(earlier, hasItem, depth + 1, &generator)])
      }
    }

    var text: String {
      let steps = steps.map(\.text).joined(separator: ",")
      return #"{"limits":{"predictions":1000},"output":\#(output.text),"steps":[\#(steps)]}"#
    }

    var output: Formula { .array(steps.map { .from($0.name, [], fallback: .value(.null)) }) }

    /// The output of a job; nil for a failure. It depends on nothing but its place.
    func job(_ step: String, _ item: Int, _ fallback: Int) -> Value? {
      var hash = seed
      for byte in "\(step)/\(item)/\(fallback)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      var generator = Generator(state: hash)
      guard generator.chance(85) else { return nil }
      switch Int.random(in: 0..<5, using: &generator) {
      case 0...1: return .number(Int.random(in: 0...2, using: &generator))
      case 2: return .string("out")
      case 3: return .null
      default: return .array((0..<Int.random(in: 0...8, using: &generator)).map { .number($0) })
      }
    }
  }

  /// Ends the open jobs in a random order, which must not matter.
  private static func finish(
    _ script: WorkflowScript, _ graph: Graph, _ generator: inout Generator, maxEnds: Int = .max
  ) {
    var ends = 0
    while ends < maxEnds, let order = script.open.randomElement(using: &generator) {
      ends += 1
      if script.canceled.contains(order.id.text), generator.chance(70) {
        script.end(order.id.text, .canceled)
      } else if let output = graph.job(order.id.step, order.id.item, order.id.fallback) {
        script.end(order.id.text, .output(output.text))
      } else {
        script.end(order.id.text, .failure("unknown"))
      }
    }
  }

  private static func compare(_ script: WorkflowScript, _ graph: Graph) {
    var naive = NaiveEvaluator(job: graph.job)
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
      var generator = Generator(state: seed &+ 1 << 40)
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
      var generator = Generator(state: seed &+ 1 << 41)
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
