/// Reads typed values of settings, and collects every problem.
///
/// A secret named `X` is also read from the file that `X_FILE` names, and from the systemd credential `x`.
package struct SettingsReader {
  private let variables: [SettingVariable]
  /// Kept apart from ``file``: an unknown name is a problem in a file only.
  private let environment: [String: String]
  private let file: [String: String]
  private let readFile: (String) -> String?
  private var problems: [SettingProblem] = []
  /// What was read otherwise than as text, by the names of the variables.
  package private(set) var forms: [String: SettingForm] = [:]

  /// - Parameters:
  ///   - variables: all settings of this version.
  ///   - environment: takes precedence over `file`, so that one run can differ.
  ///   - file: the values that ``EnvironmentFile`` parsed.
  ///   - readFile: returns the text of a file; nil if it cannot be read.
  package init(
    variables: [SettingVariable], environment: [String: String], file: [String: String] = [:],
    readFile: @escaping (String) -> String?
  ) {
    self.variables = variables
    self.environment = environment
    self.file = file
    self.readFile = readFile
  }

  /// Returns what `body` reads.
  ///
  /// - Throws: all problems reported until then.
  package mutating func read<Value>(
    _ body: (inout SettingsReader) -> Value
  ) throws(SettingProblems) -> Value {
    let value = body(&self)
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return value
  }

  // MARK: Problems

  package mutating func report(_ variable: SettingVariable, _ advice: String) {
    report(variable.name, advice)
  }

  /// A setting that several capabilities read is reported once.
  private mutating func report(_ name: String, _ advice: String) {
    let problem = SettingProblem(variable: name, advice: advice)
    if !problems.contains(problem) { problems.append(problem) }
  }

  /// Whether a problem with `variable`, or with its file, was reported.
  package func hasProblem(with variable: SettingVariable) -> Bool {
    problems.contains { [variable.name, variable.fileName].contains($0.variable) }
  }

  /// Reports the names in the file that this version does not know.
  package mutating func reportUnknownNames() {
    let secretFiles = variables.filter(\.isSecret).map(\.fileName)
    let known = Set(variables.map(\.name) + secretFiles)
    for name in file.keys.sorted() where !known.contains(name) {
      report(name, "this version has no such setting: correct its name, or remove it from the file")
    }
  }

  // MARK: Values

  /// The text of `variable`; nil if it is not set.
  package func text(_ variable: SettingVariable) -> String? {
    assert(variables.contains(variable), "\(variable.name) is read but not listed")
    return value(named: variable.name)
  }

  /// An empty value counts as unset: `NAME=` in a template means "none".
  private func value(named name: String) -> String? {
    guard let value = environment[name] ?? file[name], !value.isEmpty else { return nil }
    return value
  }

  /// The text of a file that a setting names; nil if it cannot be read.
  package func contents(ofFile path: String) -> String? { readFile(path) }

  /// The text of a secret: of its variable, its file or its credential. Nil if it is not set.
  package mutating func secretText(_ variable: SettingVariable) -> String? {
    assert(variable.isSecret, "\(variable.name) is read as a secret but not declared as one")
    let path = value(named: variable.fileName)
    let direct = text(variable)
    if path != nil, direct != nil {
      report(variable, "it is set and so is \(variable.fileName): keep one")
      return nil
    }
    if let direct { return direct }
    if let path {
      guard let text = readFile(path) else {
        report(variable.fileName, "the file it names cannot be read: check the path and its permissions")
        return nil
      }
      return text
    }
    return environment["CREDENTIALS_DIRECTORY"].flatMap { readFile("\($0)/\(variable.credentialName)") }
  }

  /// The file that a secret is read from. Nil where its variable has it, or nothing.
  package func secretFile(_ variable: SettingVariable) -> String? {
    guard text(variable) == nil else { return nil }
    if let path = value(named: variable.fileName) { return path }
    let credential = environment["CREDENTIALS_DIRECTORY"].map { "\($0)/\(variable.credentialName)" }
    return credential.flatMap { readFile($0) == nil ? nil : $0 }
  }

  package mutating func duration(
    _ variable: SettingVariable, default fallback: Duration, in range: ClosedRange<Duration>
  ) -> Duration {
    forms[variable.name] = .duration(default: fallback, range)
    return optionalDuration(variable, in: range) ?? fallback
  }

  /// A duration of something that is off without it.
  package mutating func duration(
    _ variable: SettingVariable, in range: ClosedRange<Duration>
  ) -> Duration? {
    forms[variable.name] = .duration(default: nil, range)
    return optionalDuration(variable, in: range)
  }

  private mutating func optionalDuration(
    _ variable: SettingVariable, in range: ClosedRange<Duration>
  ) -> Duration? {
    guard let text = text(variable) else { return nil }
    guard let duration = SettingValue.duration(text), range.contains(duration) else {
      let bounds =
        "from \(SettingValue.text(of: range.lowerBound)) to \(SettingValue.text(of: range.upperBound))"
      let hasNoUnit = SettingValue.number(text[...]) != nil
      report(
        variable,
        hasNoUnit
          ? "a number alone is no duration: write its unit behind it, such as 30s, 5m, 12h or 30d, \(bounds)"
          : "write a duration such as 5m or 90s, \(bounds)")
      return nil
    }
    return duration
  }

  package mutating func size(
    _ variable: SettingVariable, default fallback: Int, in range: ClosedRange<Int>
  ) -> Int {
    forms[variable.name] = .size(default: fallback, range)
    guard let text = text(variable) else { return fallback }
    guard let size = SettingValue.size(text), range.contains(size) else {
      report(variable, "write a size such as 8MiB, from \(range.lowerBound) to \(range.upperBound) bytes")
      return fallback
    }
    return size
  }

  package mutating func number(
    _ variable: SettingVariable, default fallback: Int, in range: ClosedRange<Int>
  ) -> Int {
    forms[variable.name] = .number(default: fallback, range)
    guard let text = text(variable) else { return fallback }
    guard let number = SettingValue.number(text[...]), range.contains(number) else {
      report(variable, "write a whole number from \(range.lowerBound) to \(range.upperBound)")
      return fallback
    }
    return number
  }

  /// Whether something is on: `1`, `true`, `yes` or `on`, and their opposites.
  package mutating func flag(_ variable: SettingVariable, default fallback: Bool) -> Bool {
    forms[variable.name] = .flag(default: fallback)
    guard let text = text(variable) else { return fallback }
    switch text.lowercased() {
    case "1", "true", "yes", "on": return true
    case "0", "false", "no", "off": return false
    default:
      report(variable, "write 1 or 0")
      return fallback
    }
  }

  /// One of the raw values of `Choice`; nil if it is not set, or is another.
  package mutating func choice<Choice>(_ variable: SettingVariable) -> Choice?
  where Choice: RawRepresentable<String> & CaseIterable {
    forms[variable.name] = .choice(Choice.allCases.map(\.rawValue), default: nil)
    return knownChoice(variable)
  }

  package mutating func choice<Choice>(_ variable: SettingVariable, default fallback: Choice) -> Choice
  where Choice: RawRepresentable<String> & CaseIterable {
    forms[variable.name] = .choice(Choice.allCases.map(\.rawValue), default: fallback.rawValue)
    return knownChoice(variable) ?? fallback
  }

  private mutating func knownChoice<Choice>(_ variable: SettingVariable) -> Choice?
  where Choice: RawRepresentable<String> & CaseIterable {
    guard let text = text(variable) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    report(variable, "write one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    return nil
  }
}
