import Simulation
import StandardWebhooks

/// The account's webhooks, which it loses, repeats and delays.
///
/// It retries only the ends, for about a minute.
extension DaemonSimulation {
  private static let backoff = [500, 1000, 2000, 4000, 8000, 15_000, 30_000]

  func send(_ event: Account.WebhookEvent) {
    let times = plan.provider.repeatsOnceIn > 0 && random.happens(onceIn: plan.provider.repeatsOnceIn) ? 2 : 1
    for _ in 0..<times {
      openDeliveries += 1
      after(Int.random(in: 0...plan.provider.maxDeliveryDelay, using: &random)) {
        self.deliver(event, attempt: 0)
      }
    }
  }

  private func deliver(_ event: Account.WebhookEvent, attempt: Int) {
    if isFaulty, Int.random(in: 0..<100, using: &random) < plan.provider.lostDeliveries {
      counts[.lostDelivery] += 1
      return retry(event, after: attempt)
    }
    exchange(request(for: event), fault: clientFault()) { [self] reply in
      SimulationLog.write(
        kernel.trueTimeMilliseconds, "delivery \(event.id) of \(event.prediction.id): \(reply?.status ?? 0)")
      switch reply?.status {
      case 200:
        counts[.acknowledgement] += 1
        if reply?.body.member("duplicate") == "true" { counts[.duplicate] += 1 }
        acknowledged.insert(event.id)
        if event.isTerminal { event.prediction.isEndAcknowledged = true }
        if !event.prediction.isKnown, event.prediction.order == nil { follow(event.prediction) }
        event.prediction.isKnown = true
        openDeliveries -= 1
      case 401 where plan.provider.rotation != nil || !plan.clockSteps.isEmpty:
        counts[.rejectedDelivery] += 1
        retry(event, after: attempt)
      case 408, 503, nil: retry(event, after: attempt)
      case .some(let status): fail("a delivery was answered \(status)")
      }
    }
  }

  private func retry(_ event: Account.WebhookEvent, after attempt: Int) {
    guard event.isTerminal, attempt < Self.backoff.count else {
      openDeliveries -= 1
      return
    }
    after(Self.backoff[attempt]) { self.deliver(event, attempt: attempt + 1) }
  }

  private func request(for event: Account.WebhookEvent) -> [UInt8] {
    let timestamp = "\(kernel.trueTimeMilliseconds / 1000)"
    let (body, signer) = (event.body, account.secret == 0 ? signing.signer : signing.rotatedSigner)
    let signature = signer?.sign(id: event.id, timestamp: timestamp, body: body.span)
    return Self.request(
      body, to: event.prediction.webhookPath ?? "/", id: event.id, timestamp: timestamp,
      signature: signature ?? "")
  }
}
