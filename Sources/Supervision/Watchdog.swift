package import EventLoop
internal import Logging
package import Observability
internal import Synchronization

/// A part of the daemon that the watchdog checks.
package struct WatchedPart: Sendable {
  package let name: String
  /// Gives the part a turn to take.
  let prod: @Sendable () -> Void
  /// The turns that it has taken. Nil while it has nothing to do.
  let turns: @Sendable () -> Int?

  package init(
    named name: String, prod: @escaping @Sendable () -> Void = {}, turns: @escaping @Sendable () -> Int?
  ) {
    self.name = name
    self.prod = prod
    self.turns = turns
  }

  /// A loop, which moves if it executes what is posted to it.
  package init(named name: String, _ loop: EventLoop) {
    let beat = Beat()
    self.init(named: name, prod: { loop.post { beat.count.add(1, ordering: .relaxed) } }) {
      beat.count.load(ordering: .relaxed)
    }
  }

  private final class Beat: Sendable {
    let count = Atomic(0)
  }
}

/// Checks that every part of the daemon moves.
///
/// Each check gives every part a turn to take before the next one. A part that waits for something else, such
/// as a disk that does not answer, stands still.
package struct Watchdog {
  private let parts: [WatchedPart]
  /// The turns of each part at the last check that it passed.
  private var turns: [Int?]
  private var isStill: [Bool]

  package init(_ parts: [WatchedPart]) {
    self.parts = parts
    turns = parts.map { $0.turns() }
    isStill = parts.map { _ in false }
    for part in parts { part.prod() }
  }

  /// Whether all parts moved at the last check.
  package var isMoving: Bool { !isStill.contains(true) }

  /// Checks all parts.
  ///
  /// - Returns: lines for the log, about parts that have stopped or go on.
  package mutating func check() -> [LogEntry] {
    var lines: [LogEntry] = []
    for (index, part) in parts.enumerated() {
      let current = part.turns()
      let hasMoved = current == nil || current != turns[index]
      if hasMoved == isStill[index] {
        isStill[index] = !hasMoved
        lines.append(hasMoved ? .partMoves(part.name) : .partStandsStill(part.name))
      }
      guard hasMoved else { continue }
      turns[index] = current
      part.prod()
    }
    return lines
  }
}

extension LogEntry {
  fileprivate static func partStandsStill(_ name: String) -> LogEntry {
    LogEntry(
      .error, "a thread makes no progress; the service manager restarts the daemon unless it goes on",
      ["thread": .text(name)])
  }

  fileprivate static func partMoves(_ name: String) -> LogEntry {
    LogEntry(.notice, "a thread makes progress again", ["thread": .text(name)])
  }
}
