import Simulation

/// Who has no secret, or no manners: never stored, and never there for long.
extension World {
  func scheduleStrangers() {
    for _ in 0..<plan.strangers {
      let time = Int.random(in: 0...Plan.span, using: &random)
      kernel.after(.milliseconds(time)) { self.intrude() }
    }
  }

  private func intrude() {
    let body = Array(#"{"id":"stranger","status":"succeeded"}"#.utf8)
    let timestamp = "\(kernel.wallTimeMilliseconds / 1000)"
    let forged = "v1," + String(repeating: "A", count: 43) + "="
    switch Int.random(in: 0..<4, using: &random) {
    case 0: refuse(Self.request(body, id: "x", timestamp: timestamp, signature: forged))
    case 1: refuse(Self.request(body, id: "x", timestamp: timestamp, signature: ""))
    case 2:
      let noise = (0..<40).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      refuse(noise + Array("\r\n\r\n".utf8))
    default:
      // Connects, and says nothing.
      lines.append(Line(kernel.connect(), at: kernel.monotonicTime))
    }
  }

  private func refuse(_ request: [UInt8]) {
    exchange(request, mishap: .fallsSilent) { [self] reply in
      if let status = reply?.status, !(400..<600).contains(status) {
        fail("a stranger was answered \(status)")
      }
    }
  }
}
