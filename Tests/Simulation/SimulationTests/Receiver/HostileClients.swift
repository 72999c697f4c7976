import Simulation

/// Clients without the secret, or with malformed or no requests.
///
/// None of their requests is stored, and none of them stays connected for long.
extension ReceiverSimulation {
  func scheduleHostileClients() {
    for _ in 0..<plan.hostileClients {
      let time = Int.random(in: 0...Plan.span, using: &random)
      kernel.after(.milliseconds(time)) { self.intrude() }
    }
  }

  private func intrude() {
    let body = Array(#"{"id":"intruder","status":"succeeded"}"#.utf8)
    let timestamp = "\(kernel.wallTimeMilliseconds / 1000)"
    let forged = "v1," + String(repeating: "A", count: 43) + "="
    switch Int.random(in: 0..<4, using: &random) {
    case 0: sendHostile(Self.request(body, id: "x", timestamp: timestamp, signature: forged))
    case 1: sendHostile(Self.request(body, id: "x", timestamp: timestamp, signature: ""))
    case 2:
      let noise = (0..<40).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      sendHostile(noise + Array("\r\n\r\n".utf8))
    default:
      // Connects, and sends nothing.
      connections.append(ClientConnection(kernel.connect(), at: kernel.monotonicTime))
    }
  }

  private func sendHostile(_ request: [UInt8]) {
    exchange(request, fault: .stalls) { [self] reply in
      if let status = reply?.status, !(400..<600).contains(status) {
        fail("a hostile client was answered \(status)")
      }
    }
  }
}
