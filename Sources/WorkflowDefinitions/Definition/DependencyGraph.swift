/// The steps and what they wait for.
package struct DependencyGraph {
  private let steps: [WorkflowDefinition.Step]

  package init(_ steps: [WorkflowDefinition.Step]) { self.steps = steps }

  /// Throws where steps wait for each other.
  func check() throws(WorkflowFault) {
    var left = Set(steps.indices)
    // Each round removes the steps that wait for none of the others, at most 50 times.
    while true {
      let free = left.filter { step in !steps[step].sources.contains { left.contains($0.step) } }
      if free.isEmpty { break }
      left.subtract(free)
    }
    guard let first = left.min() else { return }
    // Every step left waits for another one left, so following them comes back to a step.
    var path: [Int] = []
    var current = first
    while !path.contains(current) {
      path.append(current)
      guard let next = steps[current].sources.first(where: { left.contains($0.step) }) else { return }
      current = next.step
    }
    let cycle = Array(path.drop { $0 != current })
    let member = steps[current].sources.first { left.contains($0.step) }?.member
    let names = (cycle + [current]).map { steps[$0].name }
    throw WorkflowFault(
      step: steps[current].name, member: member,
      reason: "the steps wait for each other: \(names.joined(separator: " needs "))")
  }

  /// The steps that need one of `changed`, directly or not, without these themselves.
  package func dependents(of changed: Set<Int>) -> Set<Int> {
    var reached = changed
    var grows = true
    while grows {
      grows = false
      for step in steps.indices where !reached.contains(step) {
        guard steps[step].sources.contains(where: { reached.contains($0.step) }) else { continue }
        reached.insert(step)
        grows = true
      }
    }
    return reached.subtracting(changed)
  }
}
