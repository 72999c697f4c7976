internal import EventLoop
internal import Time

/// Reports a job's progress on standard error.
///
/// A terminal has one line, which is overwritten; other outputs get a line for each change.
package struct JobProgress {
  private let id: String
  private let isInteractive = Terminal.isErrorInteractive
  private let startedAt = MonotonicClock.now
  private var shown: String?

  /// - Parameter id: the job's.
  package init(of id: String) {
    self.id = Terminal.visible(id)
    // The overwritten line must be shorter than the terminal is wide, so the id has its own.
    if isInteractive { Terminal.note(self.id) }
  }

  /// `running  42 %`, or the state alone if the progress is unknown.
  package static func summary(of job: JSONDocument) -> String {
    let state = Terminal.visible(job.text("state") ?? "unknown")
    return percentage(of: job).map { "\(state)  \($0)" } ?? state
  }

  /// `42 %`; nil if the progress is unknown.
  package static func percentage(of job: JSONDocument) -> String? {
    guard let fraction = job.text("progress").flatMap(Double.init), (0...1).contains(fraction) else {
      return nil
    }
    return "\(Int((fraction * 100).rounded())) %"
  }

  package mutating func show(_ words: String) {
    let isNew = words != shown
    shown = words
    if isInteractive {
      redraw()
    } else if isNew {
      Terminal.note("\(id)  \(words)")
    }
  }

  /// Updates the elapsed seconds.
  package func redraw() {
    guard isInteractive, let shown else { return }
    Terminal.overwriteErrorLine("\(shown)  \((MonotonicClock.now - startedAt).components.seconds) s")
  }

  /// Keeps the last line and moves below it.
  package mutating func end() {
    if isInteractive, shown != nil { Terminal.note("") }
    shown = nil
  }
}
