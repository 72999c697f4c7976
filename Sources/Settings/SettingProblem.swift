/// One reason not to start: which variable, and what to do about it. Never a value, which may be a secret.
package struct SettingProblem: Error, Equatable, Sendable, CustomStringConvertible {
  package let variable: String
  package let advice: String

  package init(variable: String, advice: String) {
    self.variable = variable
    self.advice = advice
  }

  package var description: String { "\(variable): \(advice)" }
}

/// All reasons not to start, so that one attempt shows everything there is to mend.
package struct SettingProblems: Error, Sendable, CustomStringConvertible {
  package let problems: [SettingProblem]

  package init(_ problems: [SettingProblem]) {
    self.problems = problems
  }

  package var description: String {
    problems.map(\.description).joined(separator: "\n")
  }
}
