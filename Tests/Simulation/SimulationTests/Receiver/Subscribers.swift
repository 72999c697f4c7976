import Simulation

/// Clients of streams, which are open while deliveries come and the daemon dies.
///
/// Each receives a prefix of what was sent, and its connection is never forgotten.
extension ReceiverSimulation {
  /// - Parameter count: from a generator of its own, so that runs without streams stay the same.
  func scheduleSubscribers(_ count: Int) {
    for _ in 0..<count {
      let time = Int.random(in: 0...Plan.span, using: &random)
      kernel.after(.milliseconds(time)) { self.subscribe() }
    }
  }

  private func subscribe() {
    let readsAll = !random.happens(onceIn: 4)
    let room = readsAll ? Int.max : Int.random(in: 0...200, using: &random)
    let connection = ClientConnection(kernel.connect(room: room), at: kernel.monotonicTime)
    connections.append(connection)
    subscriptions.append(Subscription(over: connection))
    kernel.send(
      Array("GET \(StreamingRoute.target) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), from: connection.peer)
    guard random.happens(onceIn: 3) else { return }
    kernel.after(.milliseconds(Int.random(in: 0...20_000, using: &random))) { [self] in
      if Bool.random(using: &random) {
        kernel.reset(connection.peer)
      } else {
        kernel.endSending(from: connection.peer)
      }
    }
  }
}
