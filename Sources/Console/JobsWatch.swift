internal import EventLoop
internal import System
internal import Time

/// Polls the newest jobs and shows changes, until SIGINT.
///
/// A terminal shows a table that is redrawn. Other outputs get a line of JSON for each new or changed job.
package struct JobsWatch {
  private let client: JobsAPIClient
  private let path: String
  private let isTable: Bool
  private var outage = OutageTolerance()
  /// Revisions of the jobs shown last, by id; at most one page.
  private var revisions: [String: String] = [:]

  private static let pollInterval = Duration.seconds(1)

  package init(_ path: String, of client: JobsAPIClient, isTable: Bool) {
    self.client = client
    self.path = path
    self.isTable = isTable
  }

  package mutating func run() throws(CommandFailure) {
    // Bounded by SIGINT, and by the reader that closes the pipe.
    while true {
      var failure: CommandFailure?
      do throws(CommandFailure) {
        let answer = try client.get(path)
        outage.noteResponse(at: MonotonicClock.now)
        guard let document = JSONDocument(answer) else {
          throw CommandFailure(
            "no jobs API at this address: the response is no JSON object. Check --api and API_LISTEN",
            code: .failure)
        }
        guard show(document) else { return }
      } catch {
        failure = error
      }
      guard Signals.next(of: [.interrupt], within: failure == nil ? Self.pollInterval : .zero) == nil else {
        return
      }
      if let failure {
        try outage.tolerate(failure, at: MonotonicClock.now)
        guard Signals.next(of: [.interrupt], within: Self.pollInterval) == nil else { return }
      }
    }
  }

  /// Shows the jobs; false if the reader is gone.
  private mutating func show(_ document: JSONDocument) -> Bool {
    guard !isTable else { return Terminal.redraw(JobTable.list(document)) }
    let lines = changes(in: document.objects("jobs"))
    return lines.isEmpty || Terminal.print(json: lines)
  }

  /// The documents that have changed since the last call, as lines.
  ///
  /// The newest is last, as in a log.
  ///
  /// - Parameter jobs: the newest first.
  package mutating func changes(in jobs: [JSONDocument]) -> [UInt8] {
    var lines: [UInt8] = []
    var shown: [String: String] = [:]
    for job in jobs.reversed() {
      guard let id = job.text("id"), let revision = job.text("revision") else { continue }
      shown[id] = revision
      if revisions[id] != revision { lines += job.bytes + [UInt8(ascii: "\n")] }
    }
    revisions = shown
    return lines
  }
}
