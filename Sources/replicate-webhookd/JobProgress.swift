import EventLoop
internal import Time

/// How far a job is, on standard error: in one line of a terminal that is written over, elsewhere a line for each change.
struct JobProgress {
  private let id: String
  private let isInteractive = Terminal.isErrorInteractive
  private let startedAt = MonotonicClock.now
  private var shown: String?

  /// - Parameter id: the job's.
  init(of id: String) {
    self.id = Terminal.visible(id)
    // The line that is written over has to be shorter than a terminal.
    if isInteractive { Terminal.note(self.id) }
  }

  /// `running  42 %`, as far as it is known.
  static func summary(of job: JSONDocument) -> String {
    let state = Terminal.visible(job.text("state") ?? "unknown")
    guard let fraction = job.text("progress").flatMap(Double.init), (0...1).contains(fraction) else {
      return state
    }
    return "\(state)  \(Int((fraction * 100).rounded())) %"
  }

  mutating func show(_ words: String) {
    let isNew = words != shown
    shown = words
    if isInteractive {
      redraw()
    } else if isNew {
      Terminal.note("\(id)  \(words)")
    }
  }

  /// Brings the seconds up to date.
  func redraw() {
    guard isInteractive, let shown else { return }
    Terminal.overwriteErrorLine("\(shown)  \((MonotonicClock.now - startedAt).components.seconds) s")
  }

  /// Leaves the last line as it is.
  mutating func end() {
    if isInteractive, shown != nil { Terminal.note("") }
    shown = nil
  }
}
