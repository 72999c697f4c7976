internal import Foundation
internal import LiveDaemon

/// A thread that creates jobs at any of several receivers, each until it is accepted.
final class OrderLoad: Sendable {
  private struct State {
    var isPaused = true
    var isOver = false
    var isBusy = false
    var accepted: Set<String> = []
  }

  private static let pauseMilliseconds: Int32 = 40
  private static let timeoutSeconds = 15

  private let apiPorts: [Int]
  private let state = Guarded(State())

  init(apiPorts: [Int]) {
    self.apiPorts = apiPorts
    Thread.detachNewThread { self.run() }
  }

  var accepted: Set<String> { state.withLock(\.accepted) }

  func resume() { state.withLock { $0.isPaused = false } }

  /// Returns when no request is in flight.
  func pause() {
    state.withLock { $0.isPaused = true }
    while state.withLock(\.isBusy) { poll(nil, 0, 5) }
  }

  func stop() { state.withLock { $0.isOver = true } }

  private func run() {
    var (number, target) = (0, 0)
    while true {
      poll(nil, 0, Self.pauseMilliseconds)
      let (isOver, isPaused) = state.withLock { state in
        state.isBusy = !state.isOver && !state.isPaused
        return (state.isOver, state.isPaused)
      }
      if isOver { return }
      if isPaused { continue }
      let id = "order-\(number)"
      // An earlier try may have succeeded: the id makes this one its repetition.
      let isAccepted = (try? create(id, at: apiPorts[target])) ?? false
      if !isAccepted { target = (target + 1) % apiPorts.count }
      state.withLock { state in
        state.isBusy = false
        if isAccepted { state.accepted.insert(id) }
      }
      if isAccepted { (number, target) = (number + 1, Int.random(in: apiPorts.indices)) }
    }
  }

  private func create(_ id: String, at port: Int) throws -> Bool {
    let model = id.hasSuffix("3") ? "demo/fail" : "demo/text"
    let body = #"{"id":"\#(id)","model":"\#(model)","input":{}}"#
    let connection = try HTTPConnection(host: "127.0.0.2", port: port, timeoutSeconds: Self.timeoutSeconds)
    try connection.send(
      """
      POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r
      Content-Length: \(body.utf8.count)\r\n\r\n\(body)
      """.utf8)
    return [200, 202].contains(try connection.receiveStatusAndBody().status)
  }
}
