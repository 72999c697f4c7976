import Foundation
import LiveDaemon

/// Threads that send one delivery per connection, like a balanced fleet.
final class Senders: Sendable {
  private struct State {
    var acknowledged: [String] = []
    var failures: [String] = []
    var running: Int
    var mustStop = false
  }
  private let state: Guarded<State>
  private let port: Int

  init(count: Int, port: Int) {
    self.port = port
    state = Guarded(State(running: count))
    // Blocking threads, because the tests' thread pool is small.
    for sender in 0..<count { Thread.detachNewThread { self.send(as: sender) } }
  }

  /// The predictions whose delivery was answered 200.
  var acknowledged: [String] { state.withLock { $0.acknowledged } }

  private func send(as sender: Int) {
    var number = 0
    while !state.withLock({ $0.mustStop }) {
      let prediction = "p\(sender)-\(number)"
      number += 1
      do {
        let delivery = try SignedDelivery(id: "m-\(prediction)", prediction: prediction, status: "succeeded")
        let connection = try HTTPConnection(host: "127.0.0.1", port: port)
        try connection.send(delivery.request)
        let status = try connection.receive().status
        state.withLock {
          if status == 200 { $0.acknowledged.append(prediction) } else { $0.failures.append("\(status)") }
        }
      } catch {
        state.withLock { $0.failures.append("\(prediction): \(error)") }
      }
    }
    state.withLock { $0.running -= 1 }
  }

  /// Waits until `more` deliveries were acknowledged, or one failed.
  func waitForAcknowledgements(_ more: Int) throws {
    let goal = state.withLock { $0.acknowledged.count } + more
    try wait("\(more) acknowledgements") {
      state.withLock { $0.acknowledged.count >= goal || !$0.failures.isEmpty }
    }
  }

  func finish() throws -> (acknowledged: [String], failures: [String]) {
    state.withLock { $0.mustStop = true }
    try wait("the end of the senders") { state.withLock { $0.running == 0 } }
    return state.withLock { ($0.acknowledged, $0.failures) }
  }
}
