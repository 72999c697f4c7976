import ArgumentParser
internal import Bytes
import EventLoop
import HTTPClient
import HTTPWire
internal import System
internal import Time

/// Follows one job to its end, or until SIGINT.
struct JobFollower {
  private let client: JobsAPIClient
  private let id: String
  private var progress: JobProgress
  private var outage = OutageTolerance()
  /// Of the document that was shown last.
  private var entityTag: String?

  /// Asked soon after a change, for changes come together; less often while there is none.
  private static let pollIntervals = Duration.milliseconds(500)...Duration.seconds(2)
  /// How often the seconds of the line are brought up to date.
  private static let redrawInterval = Duration.milliseconds(500)

  /// Keeps SIGINT for the follower, from now on, and makes a client whose calls it ends too. Call it once.
  static func client(_ options: JobsAPIOptions) throws -> JobsAPIClient {
    Signals.block([.interrupt])
    return try options.client { Signals.arePending([.interrupt]) }
  }

  init(_ id: String, of client: JobsAPIClient) {
    self.client = client
    self.id = id
    progress = JobProgress(of: id)
  }

  /// - Parameter known: the job as the daemon has just shown it; nil where it has not.
  /// - Returns: the job when it has ended.
  /// - Throws: ``CommandFailure`` where the daemon does not show the job; an exit status after SIGINT.
  mutating func follow(from known: JSONDocument? = nil) throws -> JSONDocument {
    var job = known
    if let job {
      outage.noteResponse(at: MonotonicClock.now)
      progress.show(JobProgress.summary(of: job))
    }
    var pause = Self.pollIntervals.lowerBound
    // The job's end is the bound. The daemon gives it one, and SIGINT another.
    while true {
      if let job {
        guard !JobResult.hasEnded(job) else {
          progress.end()
          return job
        }
        try wait(pause)
      }
      if let changed = try poll(after: job) {
        job = changed
        pause = Self.pollIntervals.lowerBound
      } else {
        pause = min(pause * 5 / 4, Self.pollIntervals.upperBound)
      }
    }
  }

  /// Nil where nothing has changed, or nobody answered.
  private mutating func poll(after job: JSONDocument?) throws -> JSONDocument? {
    do throws(CommandFailure) {
      let condition = entityTag.map { ["If-None-Match: \($0)"] } ?? []
      let answer = try client.send(.get, "/jobs/\(PercentEncoding.encode(id))", fields: condition)
      guard [200, 304].contains(answer.status) else { throw client.failure(of: answer) }
      guard let shown = answer.status == 304 ? job : JSONDocument(answer.body) else {
        throw CommandFailure("what answered is no jobs API: its answer is no JSON object", code: .failure)
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
      "\(Terminal.visible(id)) goes on: `replicate-webhookd job \(id) --follow` follows it, "
        + "`replicate-webhookd cancel \(id)` cancels it")
    // As shells do: the number of the signal above 128.
    throw ExitCode(128 + signal.rawValue)
  }
}
