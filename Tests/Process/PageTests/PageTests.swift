import Browser
import Testing

/// The page of the jobs API, in a browser that the tests share.
@Suite(.serialized, .enabled(if: Browser.isAvailable), .screenshotsOfFailures) struct PageTests {}

extension Trait where Self == IssueHandlingTrait {
  /// Writes what the browser shows at an issue to `.build/screenshots`.
  static var screenshotsOfFailures: Self {
    .compactMapIssues { issue in
      let name = Test.current.map { "failed-\($0.name.filter { $0.isLetter || $0.isNumber })" } ?? "failed"
      _ = try? Browser.running?.takeScreenshot(name)
      return issue
    }
  }
}
