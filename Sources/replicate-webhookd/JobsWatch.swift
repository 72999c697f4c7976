import EventLoop
internal import System
internal import Time

/// Shows the newest jobs again and again, until SIGINT: on a terminal as a table that is drawn anew, else each job that is
/// new or has changed as a line of JSON.
struct JobsWatch {
  private let client: JobsAPIClient
  private let path: String
  private let isTable: Bool
  private var outage = OutageTolerance()
  /// Of the jobs that were shown last, by id: as many as one page has.
  private var revisions: [String: String] = [:]

  private static let pollInterval = Duration.seconds(1)

  init(_ path: String, of client: JobsAPIClient, isTable: Bool) {
    self.client = client
    self.path = path
    self.isTable = isTable
  }

  mutating func run() throws(CommandFailure) {
    // Whoever watches ends it, or closes the pipe.
    while true {
      var failure: CommandFailure?
      do throws(CommandFailure) {
        let answer = try client.get(path)
        outage.noteResponse(at: MonotonicClock.now)
        guard let document = JSONDocument(answer) else {
          throw CommandFailure("what answered is no jobs API: its answer is no JSON object", code: .failure)
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

  /// False where nobody reads any more.
  private mutating func show(_ document: JSONDocument) -> Bool {
    guard !isTable else { return Terminal.redraw(JobTable.list(document)) }
    let lines = changes(in: document.objects("jobs"))
    return lines.isEmpty || Terminal.print(json: lines)
  }

  /// The documents of `jobs` that differ from those before, one a line, and the newest last, as a log has it.
  ///
  /// - Parameter jobs: the newest first.
  mutating func changes(in jobs: [JSONDocument]) -> [UInt8] {
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
