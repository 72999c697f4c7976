import Foundation
import LiveDaemon

/// Submits jobs from its own threads, with keys and retries.
///
/// Each job has an `Idempotency-Key`.
final class Submitter: Sendable {
  struct Progress: Sendable {
    /// The ids of accepted jobs by key.
    var jobs: [String: String] = [:]
    /// Requests without an answer.
    var unanswered = 0
    /// Unexpected answers.
    var refusals: [String] = []
    var running: Int
  }

  private let progress: Guarded<Progress>
  private static let threads = 4

  var now: Progress { progress.withLock { $0 } }

  /// - Parameter body: makes the body of the request with that number.
  init(_ count: Int, to port: Int, body: @escaping @Sendable (Int) -> String) {
    progress = Guarded(Progress(running: Self.threads))
    let run = UUID().uuidString
    for thread in 0..<Self.threads {
      Thread.detachNewThread { [progress] in
        for number in stride(from: thread, to: count, by: Self.threads) {
          Self.submit("\(run)-\(number)", body(number), port, progress)
        }
        progress.withLock { $0.running -= 1 }
      }
    }
  }

  /// Submits one job, with retries for at most a minute.
  ///
  /// The daemon may be restarting.
  private static func submit(_ key: String, _ body: String, _ port: Int, _ progress: Guarded<Progress>) {
    let end = Date().addingTimeInterval(60)
    while Date() < end {
      guard let caller = try? Caller(port) else {
        poll(nil, 0, 10)
        continue
      }
      guard let answer = try? caller.post("/jobs", body, key: key) else {
        progress.withLock { $0.unanswered += 1 }
        continue
      }
      if let id = answer.object["id"] as? String, (200..<300).contains(answer.status) {
        progress.withLock { $0.jobs[key] = id }
        return
      }
      // 503: the order could not be stored, or the daemon drains; it is sent again.
      if answer.status != 503 { progress.withLock { $0.refusals.append("\(answer.status) \(answer.text)") } }
      poll(nil, 0, 10)
    }
  }
}
