package import Simulation

/// A random workflow, and how its jobs end.
package struct Graph {
  /// Where a job is in its workflow.
  package struct Place: Hashable {
    package let step: String
    package let item: Int
    package let fallback: Int

    package init(step: String, item: Int, fallback: Int) {
      (self.step, self.item, self.fallback) = (step, item, fallback)
    }
  }

  package private(set) var steps: [PlannedStep] = []
  package let seed: UInt64

  /// - Parameter largePercent: how many of a hundred graphs have 20 to 50 steps.
  package init(seed: UInt64, largePercent: Int = 10) {
    self.seed = seed
    var generator = SeededGenerator(seed: seed)
    // Most graphs are small, because their evaluation is looked at more closely.
    let count =
      generator.chance(largePercent)
      ? Int.random(in: 20...50, using: &generator) : Int.random(in: 1...8, using: &generator)
    let names = (0..<count).map { "s\($0)" }
    for name in names { steps.append(Self.step(name, after: steps.map(\.name), &generator)) }
    steps.shuffle(using: &generator)
  }

  private static func step(
    _ name: String, after earlier: [String], _ generator: inout SeededGenerator
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
    if generator.chance(30) { step.retries = Int.random(in: 1...2, using: &generator) }
    return step
  }

  /// A list that is no plain value, which would be rejected.
  private static func reference(_ earlier: [String], _ generator: inout SeededGenerator) -> Formula {
    let formula = formula(earlier, false, 0, &generator)
    if case .value = formula { return .array([formula]) }
    return formula
  }

  private static func formula(
    _ earlier: [String], _ hasItem: Bool, _ depth: Int, _ generator: inout SeededGenerator
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
}

// MARK: - The request

extension Graph {
  package var text: String { text(with: "") }

  /// - Parameter members: further members, each with a comma after it.
  package func text(with members: String) -> String {
    let steps = steps.map(\.text).joined(separator: ",")
    return #"{\#(members)"limits":{"predictions":1000},"output":\#(output.text),"steps":[\#(steps)]}"#
  }

  package var output: Formula { .array(steps.map { .from($0.name, [], fallback: .value(.null)) }) }
}

// MARK: - Its jobs

extension Graph {
  private func generator(for place: Place) -> SeededGenerator {
    var hash = seed
    for byte in "\(place.step)/\(place.item)/\(place.fallback)".utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return SeededGenerator(seed: hash)
  }

  /// The output of a job; nil for a failure. It depends on nothing but its place.
  package func output(at place: Place) -> Value? {
    var generator = generator(for: place)
    guard generator.chance(85) else { return nil }
    switch Int.random(in: 0..<5, using: &generator) {
    case 0...1: return .number(Int.random(in: 0...2, using: &generator))
    case 2: return .string("out")
    case 3: return .null
    default: return .array((0..<Int.random(in: 0...8, using: &generator)).map { .number($0) })
    }
  }

  /// How many predictions of a job the platform interrupts, so that another one is created.
  package func interruptions(at place: Place) -> Int {
    guard let retries = steps.first(where: { $0.name == place.step })?.retries, retries > 0 else { return 0 }
    var generator = generator(for: place)
    return Int(generator.next() >> 32) % (retries + 1)
  }
}

extension SeededGenerator {
  /// True in so many of a hundred cases.
  package mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
