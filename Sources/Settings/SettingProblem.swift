/// A problem with one setting: its name and the remedy.
///
/// It never contains the value, which may be a secret.
package struct SettingProblem: Error, Equatable, Sendable, CustomStringConvertible {
  package let variable: String
  package let advice: String

  package init(variable: String, advice: String) {
    self.variable = variable
    self.advice = advice
  }

  package var description: String { "\(variable): \(advice)" }
}

/// All problems with the settings, so that one attempt shows everything to correct.
package struct SettingProblems: Error, Sendable, CustomStringConvertible {
  package let problems: [SettingProblem]

  package init(_ problems: [SettingProblem]) {
    self.problems = problems
  }

  package var description: String {
    problems.map(\.description).joined(separator: "\n")
  }
}
