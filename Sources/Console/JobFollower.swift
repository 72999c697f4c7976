internal import ArgumentParser
internal import Bytes
internal import EventLoop
internal import HTTPClient
internal import HTTPWire
internal import System
internal import Time

/// Follows one job to its end, or until SIGINT.
///
/// Each request waits for a change, so a change is shown at once.
package struct JobFollower {
  private let client: JobsAPIClient
  private let id: String
  private var progress: JobProgress
  private var outage = OutageTolerance()
  /// The ETag of the last document shown.
  private var entityTag: String?

  /// How long one request waits for a change.
  private static let waitSeconds = 20
  /// Between two requests that the daemon does not let wait.
  private static let pollInterval = Duration.seconds(1)
  /// How often the elapsed seconds are updated.
  private static let redrawInterval = Duration.milliseconds(500)

  package init(_ id: String, of client: JobsAPIClient) {
    self.client = client
    self.id = id
    progress = JobProgress(of: id)
  }

  /// Follows the job until it has ended.
  ///
  /// - Parameter known: the job's current document, if the caller has it.
  /// - Returns: the ended job.
  /// - Throws: ``CommandFailure`` if the daemon does not return the job; an exit status after SIGINT.
  package mutating func follow(from known: JSONDocument? = nil) throws -> JSONDocument {
    var job = known
    if let job {
      outage.noteResponse(at: MonotonicClock.now)
      progress.show(JobProgress.summary(of: job))
    }
    // Bounded by the job's end, which the daemon guarantees, and by SIGINT.
    while true {
      if let job, JobResult.hasEnded(job) {
        progress.end()
        return job
      }
      let start = MonotonicClock.now
      if let changed = try poll(after: job) {
        job = changed
        if entityTag != nil || JobResult.hasEnded(changed) { continue }
      }
      // Something that does not let a request wait must not be called without a pause.
      if MonotonicClock.now - start < Self.pollInterval { try wait(Self.pollInterval) }
    }
  }

  /// The changed job. Nil if nothing has changed or the daemon did not answer.
  private mutating func poll(after job: JSONDocument?) throws -> JSONDocument? {
    do throws(CommandFailure) {
      let condition = entityTag.map { ["If-None-Match: \($0)"] } ?? []
      let wait = entityTag == nil ? "" : "?wait=\(Self.waitSeconds)s"
      let answer = try client.send(
        .get, "/jobs/\(PercentEncoding.encode(id))\(wait)", fields: condition
      ) { [progress] in progress.redraw() }
      guard [200, 304].contains(answer.status) else { throw client.failure(of: answer) }
      guard let shown = answer.status == 304 ? job : JSONDocument(answer.body) else {
        throw CommandFailure(
          "no jobs API at this address: the response is no JSON object. Check --api and API_LISTEN",
          code: .failure)
      }
      outage.noteResponse(at: MonotonicClock.now)
      if answer.status == 200 { entityTag = answer.entityTag }
      progress.show(JobProgress.summary(of: shown))
      return answer.status == 304 ? nil : shown
    } catch {
      try endIfInterrupted(within: .zero)
      do throws(CommandFailure) {
        try outage.tolerate(error, at: MonotonicClock.now)
      } catch {
        progress.end()
        throw error
      }
      progress.show("the daemon does not answer")
      return nil
    }
  }

  private mutating func wait(_ duration: Duration) throws {
    let end = MonotonicClock.now + duration
    repeat {
      try endIfInterrupted(within: min(end - MonotonicClock.now, Self.redrawInterval))
      progress.redraw()
    } while MonotonicClock.now < end
  }

  private mutating func endIfInterrupted(within timeout: Duration) throws {
    guard let signal = Signals.next(of: [.interrupt], within: timeout) else { return }
    progress.end()
    Terminal.error(
      "\(Terminal.visible(id)) continues: `replicate-webhookd job \(id) --follow` follows it, "
        + "`replicate-webhookd cancel \(id)` cancels it")
    // As shells do: 128 plus the signal number.
    throw ExitCode(128 + signal.rawValue)
  }
}
