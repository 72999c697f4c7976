/// A progress line that a terminal overwrites; no output elsewhere.
package final class ProgressLine {
  private var shown: String?

  package init() {}

  /// - Parameter text: shown unless it is already.
  package func show(_ text: String) {
    guard Terminal.isErrorInteractive, text != shown else { return }
    shown = text
    Terminal.overwriteErrorLine(text)
  }

  package func clear() {
    if shown != nil { Terminal.overwriteErrorLine("") }
    shown = nil
  }
}
