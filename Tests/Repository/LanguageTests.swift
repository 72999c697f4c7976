import Testing

/// The language of names, comments and documents.
@Suite struct LanguageTests {
  private static let code: Set<String> = [
    "swift", "c", "h", "sh", "py", "service", "socket", "timer", "env", "conf",
  ]
  private static let documents: Set<String> = ["md", "example", "modulemap", "Caddyfile"]
  private static let places = ["Sources", "Tests", "deploy", "README.md", ".env.example", "Package.swift"]

  /// The list of the words, and examples of them.
  private static let lists: Set<String> = ["TextRules.swift", "LanguageTests.swift"]

  private static func files(_ kinds: Set<String>) throws -> [RepositoryFile] {
    let files = try places.flatMap { try RepositoryFile.all(in: $0, kinds: kinds) }
    try #require(files.count > 500)
    return files
  }

  // MARK: Names

  @Test func noNameIsAClause() throws {
    for file in try Self.files(["swift"]) {
      let clauses = ClauseNames.violations(in: file.text)
      #expect(clauses.isEmpty, "\(file.path): \(clauses)")
    }
  }

  @Test(
    arguments: [
      ("func NAME() {}", "whatIsLeft", true), ("  @Test func NAME() throws {", "thatWhichEnds", true),
      ("private struct NAME: Sendable {", "WhoeverWaits", true), ("enum NAME {", "Beside", true),
      ("func `NAME`() {", "what was read stays read", true), ("func NAME() {}", "whatever", false),
      ("// func NAME()", "whatIsLeft", false), ("let NAME = 1", "what", false),
      ("func NAME() {}", "thatch", false), ("/// What a func NAME does.", "whoCalls", false),
      ("func wait(_ NAME: String) {}", "what", false),
    ])
  func `a clause is detected`(_ template: String, _ name: String, _ isDetected: Bool) {
    let line = template.replacing("NAME", with: name)
    #expect(ClauseNames.violations(in: line) == (isDetected ? [name] : []))
  }

  // MARK: Lines

  @Test func noLineIsTooLong() throws {
    for file in try Self.files(Self.code.union(["md"])) {
      let lines = LineWidth.violations(in: file)
      #expect(lines.isEmpty, "\(file.path): \(lines)")
    }
  }

  @Test(
    arguments: [
      ("a.swift", "// \(String(repeating: "x", count: 107))", false),
      ("a.swift", "// \(String(repeating: "x", count: 108))", true),
      ("a.swift", "// \(String(repeating: "é", count: 107))", false),
      ("a.md", String(repeating: "word ", count: 23), true),
      ("a.md", "| \(String(repeating: "word ", count: 23))|", false),
      ("a.md", "[\(String(repeating: "word ", count: 23))](a.md)", false),
      ("a.md", "```\n\(String(repeating: "x", count: 200))\n```", false),
    ] as [(String, String, Bool)])
  func `a long line is detected`(_ name: String, _ text: String, _ isTooLong: Bool) {
    #expect(LineWidth.violations(in: RepositoryFile(path: name, text: text)) == (isTooLong ? [1] : []))
  }

  // MARK: Words

  @Test func theFieldsWordsAreUsed() throws {
    var found: [String] = []
    for file in try Self.files(Self.code.union(Self.documents)) where !Self.lists.contains(file.name) {
      for (index, line) in file.lines.enumerated() {
        found += HomeMadeWords.found(in: line).map { "\(file.path):\(index + 1) \($0)" }
      }
    }
    #expect(found.count <= HomeMadeWords.maxCount, "\(found.joined(separator: "\n"))")
  }

  @Test(
    arguments: [
      ("let maxPatience = 1", ["patience"]), ("/// Whoever asked is told.", ["whoever", "asked", "told"]),
      ("queue.tell(.done)", ["tell"]), ("lookAfterJobs()", ["after"]), ("It is turned away.", ["away"]),
      ("SELECT heard_at, ended_unheard", []), ("task, basking, newsletter, foretold", []),
    ] as [(String, [String])])
  func `a home-made word is detected`(_ text: String, _ words: [String]) {
    #expect(HomeMadeWords.found(in: text) == words)
  }
}
