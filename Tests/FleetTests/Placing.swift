import Foundation
import LiveDaemon

/// Places jobs from threads of its own, each under an `Idempotency-Key`, again and again until each has an answer.
final class Placing: Sendable {
  struct Progress: Sendable {
    /// The jobs by their keys, where an answer was 2xx.
    var jobs: [String: String] = [:]
    /// Requests that had no answer.
    var unanswered = 0
    /// Answers that a request of this kind must not have.
    var refusals: [String] = []
    var running: Int
  }

  private let progress: Guarded<Progress>
  private static let threads = 4

  var now: Progress { progress.withLock { $0 } }

  /// - Parameter body: of the request with that number.
  init(_ count: Int, to port: Int, body: @escaping @Sendable (Int) -> String) {
    progress = Guarded(Progress(running: Self.threads))
    let run = UUID().uuidString
    for thread in 0..<Self.threads {
      Thread.detachNewThread { [progress] in
        for number in stride(from: thread, to: count, by: Self.threads) {
          Self.place("\(run)-\(number)", body(number), port, progress)
        }
        progress.withLock { $0.running -= 1 }
      }
    }
  }

  /// For at most a minute: the daemon is away for a moment only.
  private static func place(_ key: String, _ body: String, _ port: Int, _ progress: Guarded<Progress>) {
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
      // What could not be stored may be sent again; while the daemon drains nothing is taken.
      if answer.status != 503 { progress.withLock { $0.refusals.append("\(answer.status) \(answer.text)") } }
      poll(nil, 0, 10)
    }
  }
}
