internal import Time

/// The log output of a running model.
enum ProgressLog {
  private static let iterations = 50
  private static let cells = 10
  private static let eighths = Array(" ▏▎▍▌▋▊▉")

  /// The logs after `steps` of ``Behaviour/steps``.
  static func text(_ logs: Behaviour.Logs, steps: Int, duration: Duration, seed: String) -> String {
    switch logs {
    case .none: return ""
    case .text(let text): return text
    case .progress: return heading(seed) + bars(steps, duration) { _ in "" }
    case .long(let bytes):
      let filler = filler(bytes / Behaviour.steps)
      return heading(seed) + bars(steps, duration) { $0 > 0 ? filler : "" }
    }
  }

  private static func heading(_ seed: String) -> String { "Using seed: \(seed)\n" }

  private static func bars(_ steps: Int, _ duration: Duration, before: (Int) -> String) -> String {
    (0...steps).map { before($0) + bar($0, duration) }.joined(separator: "\n")
  }

  /// ` 42%|████▏     | 21/50 [00:01<00:01, 20.10it/s]`, as tqdm prints it.
  static func bar(_ step: Int, _ duration: Duration) -> String {
    let done = iterations * step / Behaviour.steps
    let percent = String(100 * done / iterations)
    let full = cells * 8 * done / iterations
    var bar = String(repeating: "█", count: full / 8)
    if full % 8 > 0 { bar.append(eighths[full % 8]) }
    bar += String(repeating: " ", count: cells - bar.count)
    let elapsed = duration.part(step, of: Behaviour.steps)
    let timing =
      done == 0
      ? "00:00<?, ?it/s"
      : "\(clock(elapsed))<\(clock(duration - elapsed)), \(rate(done, in: elapsed))it/s"
    return String(repeating: " ", count: 3 - percent.count) + "\(percent)%|\(bar)| \(done)/\(iterations) "
      + "[\(timing)]"
  }

  private static func clock(_ duration: Duration) -> String {
    let seconds = duration.wholeMilliseconds / 1000
    return twoDigits(seconds / 60) + ":" + twoDigits(seconds % 60)
  }

  private static func rate(_ count: Int, in elapsed: Duration) -> String {
    let hundredths = Int64(count) * 100_000 / max(1, elapsed.wholeMilliseconds)
    let whole = String(hundredths / 100)
    return (whole.count < 2 ? " " : "") + whole + "." + twoDigits(hundredths % 100)
  }

  private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func filler(_ bytes: Int) -> String {
    let line = "Loading weights: \"layer\\7\" of the simulator, which has none, in ½ the time\n"
    return String(repeating: line, count: bytes / line.utf8.count)
  }
}
