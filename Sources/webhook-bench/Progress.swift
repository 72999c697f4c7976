import Glibc

/// A progress line on standard error that a terminal overwrites.
final class Progress {
  private let title: String
  private let start = Clock.nanoseconds
  private var shownAt: UInt64 = 0
  private var width = 0

  private static let interval: UInt64 = 200_000_000

  /// Nil if standard error is no terminal.
  init?(_ title: String) {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
    self.title = title
  }

  func show(_ lanes: [Lane]) {
    let now = Clock.nanoseconds
    guard now - shownAt >= Self.interval else { return }
    shownAt = now
    let counts = lanes.map { lane in
      lane.isBackground
        ? "\(Quantity.grouped(lane.answered)) \(lane.name)"
        : "\(Quantity.grouped(lane.answered)) of \(Quantity.grouped(lane.sends.count)) \(lane.name)"
    }
    show("\(title): \(counts.joined(separator: ", ")), \(Quantity.seconds(Clock.seconds(since: start)))")
  }

  func show(_ text: String) {
    let padding = String(repeating: " ", count: max(0, width - text.count))
    width = text.count
    Output.error("\r\(text)\(padding)")
  }

  func clear() {
    guard width > 0 else { return }
    Output.error("\r\(String(repeating: " ", count: width))\r")
    width = 0
  }
}
