import Simulation
import StandardWebhooks

/// The provider, which sends its predictions' events.
///
/// It retries only the ends, for about a minute.
extension ReceiverSimulation {
  /// Milliseconds between attempts: the last comes about a minute after the first.
  private static let backoff = [500, 1000, 2000, 4000, 8000, 15_000, 30_000]

  func scheduleProvider() {
    for number in 0..<plan.predictions {
      var time = Int.random(in: 0...3000, using: &random)
      for event in Event.life(of: "p\(number)", &random, sha256: signing.sha256) {
        ledger.announce(event)
        time += Int.random(in: 0...4000, using: &random)
        // Events sent at nearly the same time arrive in any order.
        let sent = time + (random.happens(onceIn: 4) ? Int.random(in: 0...6000, using: &random) : 0)
        kernel.after(.milliseconds(sent)) { self.send(event, attempt: 0) }
        guard random.happens(onceIn: 8) else { continue }
        kernel.after(.milliseconds(sent + Int.random(in: 0...2000, using: &random))) {
          self.send(event, attempt: Self.backoff.count)
        }
      }
    }
  }

  private func send(_ event: Event, attempt: Int) {
    deliver(event, fault: clientFault()) { [self] isAcknowledged in
      guard !isAcknowledged, event.isTerminal, attempt < Self.backoff.count else { return }
      kernel.after(.milliseconds(Self.backoff[attempt])) { self.send(event, attempt: attempt + 1) }
    }
  }

  /// Makes one attempt, and calls `onEnd` with whether it was acknowledged.
  func deliver(_ event: Event, fault: ClientFault, onEnd: @escaping (Bool) -> Void) {
    exchange(request(for: event), fault: fault) { [self] reply in
      guard let reply else {
        if fault == .none { counts[.unanswered] += 1 }
        return onEnd(false)
      }
      switch reply.status {
      case 200:
        let isDuplicate = reply.body.member("duplicate") == "true"
        ledger.acknowledge(event, isDuplicate: isDuplicate)
        counts[.acknowledgement] += 1
        if isDuplicate { counts[.duplicate] += 1 }
        onEnd(true)
      case 503:
        counts[.refusal] += 1
        onEnd(false)
      default:
        // 408: the request was not complete in time, which the sender caused.
        if reply.status != 408 || fault != .stalls { fail("a delivery was answered \(reply.status)") }
        onEnd(false)
      }
    }
  }

  private func request(for event: Event) -> [UInt8] {
    let timestamp = "\(kernel.wallTimeMilliseconds / 1000 + Int64.random(in: -60...60, using: &random))"
    let signature = signing.signer?.sign(id: event.webhookID, timestamp: timestamp, body: event.body.span)
    return Self.request(
      event.body, id: event.webhookID, timestamp: timestamp, signature: signature ?? "",
      isChunked: random.happens(onceIn: 6))
  }
}
