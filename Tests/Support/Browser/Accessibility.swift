internal import Foundation
internal import LiveDaemon

/// axe-core, which checks a page against WCAG (https://github.com/dequelabs/axe-core).
enum Accessibility {
  /// The path of axe.min.js: `AXE_CORE`, or where deploy/test.sh installs it.
  static let script: String? = {
    if let path = ProcessInfo.processInfo.environment["AXE_CORE"] { return path }
    let libraries = Program.root.appendingPathComponent(".build/official-libraries/lib")
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries.path)) ?? []
    let paths = versions.map {
      libraries.appendingPathComponent("\($0)/site-packages/axe_playwright_python/axe.min.js").path
    }
    return paths.first { access($0, R_OK) == 0 }
  }()

  /// Runs axe-core, and passes on one text for each element that violates a rule.
  static let check = """
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ["violations"] }).then(
      (results) => done(results.violations.flatMap((rule) => rule.nodes.map((node) =>
        `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`))),
      (error) => done([`axe-core failed: ${error}`]));
    """
}

extension Browser {
  /// The violations of axe-core's rules in the present document.
  package func accessibilityViolations() throws -> [String] {
    if try run("return typeof axe === 'undefined';") as? Bool == true {
      guard let path = Accessibility.script else { throw Unusable("axe-core is not installed") }
      try run(String(contentsOfFile: path, encoding: .utf8))
    }
    guard let violations = try runAsynchronously(Accessibility.check) as? [String] else {
      throw Unusable("axe-core gave no result")
    }
    return violations
  }
}
