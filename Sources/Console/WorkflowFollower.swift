internal import ArgumentParser
internal import Bytes
internal import EventLoop
internal import HTTPClient
internal import HTTPWire
internal import System
internal import Time

/// Follows one workflow to its end, or until SIGINT.
///
/// A terminal shows the tree of steps; other outputs get a line for each change of a step's state.
package struct WorkflowFollower {
  private let client: JobsAPIClient
  private let id: String
  private var outage = OutageTolerance()
  private var entityTag: String?
  private var shownLines = 0
  private var shownStates: [String: String] = [:]
  private var isOut = false

  private static let pollInterval = Duration.milliseconds(500)

  package init(_ id: String, of client: JobsAPIClient) {
    (self.id, self.client) = (id, client)
  }

  /// - Returns: the ended workflow.
  /// - Throws: ``CommandFailure`` if the daemon does not return the workflow; an exit status after SIGINT.
  package mutating func follow(from known: JSONDocument? = nil) throws -> JSONDocument {
    if let known {
      outage.noteResponse(at: MonotonicClock.now)
      show(known)
      if JobResult.hasEnded(known) { return known }
    }
    // Bounded by the workflow's end, which its deadline guarantees, and by SIGINT.
    while true {
      if let workflow = try poll() {
        show(workflow)
        if JobResult.hasEnded(workflow) { return workflow }
      }
      try endIfInterrupted(within: Self.pollInterval)
    }
  }

  /// The changed workflow. Nil if nothing has changed or the daemon did not answer.
  private mutating func poll() throws -> JSONDocument? {
    do throws(CommandFailure) {
      let condition = entityTag.map { ["If-None-Match: \($0)"] } ?? []
      let answer = try client.send(.get, "/workflows/\(PercentEncoding.encode(id))", fields: condition)
      outage.noteResponse(at: MonotonicClock.now)
      guard answer.status != 304 else { return nil }
      guard answer.status == 200, let workflow = JSONDocument(answer.body) else {
        throw client.failure(of: answer)
      }
      entityTag = answer.entityTag
      return workflow
    } catch {
      try endIfInterrupted(within: .zero)
      try outage.tolerate(error, at: MonotonicClock.now)
      if !isOut { Terminal.note("\(Terminal.visible(id))  the daemon does not answer") }
      // The next tree is drawn below this line.
      (isOut, shownLines) = (true, 0)
      return nil
    }
  }

  private mutating func show(_ workflow: JSONDocument) {
    isOut = false
    let tree = WorkflowTree(of: workflow)
    let lines = tree.lines
    // A tree that is taller than the terminal cannot be drawn over.
    if Terminal.isErrorInteractive, lines.count < Terminal.errorSize.rows {
      Terminal.redraw(errorLines: lines, over: shownLines)
      shownLines = lines.count
    } else {
      for (name, words) in tree.states where shownStates[name] != words {
        shownStates[name] = words
        if words != "waiting" {
          Terminal.note("\(Terminal.visible(id))  \(Terminal.visible(name))  \(words)")
        }
      }
    }
  }

  private func endIfInterrupted(within timeout: Duration) throws {
    guard let signal = Signals.next(of: [.interrupt], within: timeout) else { return }
    Terminal.error(
      "\(Terminal.visible(id)) continues: `replicate-webhookd workflow show \(id) --follow` follows it, "
        + "`replicate-webhookd workflow cancel \(id)` cancels it")
    // As shells do: 128 plus the signal number.
    throw ExitCode(128 + signal.rawValue)
  }
}
