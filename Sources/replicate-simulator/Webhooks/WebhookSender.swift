internal import EventLoop
internal import HTTPClient
internal import StandardWebhooks
internal import System

/// Signs and posts webhooks, one at a time, on its own thread.
struct WebhookSender: Sendable {
  let queue: BlockingQueue<WebhookAttempt>
  let secret: Secret
  let clock: SimulatorClock
  /// Of one attempt.
  let timeout: Duration

  private static let maxBodyBytes = 1 << 20

  /// Sends queued webhooks until the queue is closed.
  ///
  /// - Parameter ended: called after each attempt, with its outcome.
  func run(_ client: BlockingHTTPClient, ended: (WebhookAttempt, AttemptOutcome) -> Void) {
    while let attempts = queue.popAll() {
      for attempt in attempts { ended(attempt, send(attempt, through: client)) }
    }
  }

  private func send(_ attempt: WebhookAttempt, through client: BlockingHTTPClient) -> AttemptOutcome {
    // The attempt's time, not the event's, because a receiver rejects old timestamps.
    let headers = Signer(secret)?.headers(
      id: attempt.webhookID, time: clock.now.seconds, body: attempt.body.span)
    guard let headers else { return .unreachable }
    var request = HTTPClientRequest(
      .post, attempt.url,
      fields: [
        "Content-Type: application/json", "User-Agent: replicate-simulator/\(ReplicateSimulator.version)",
      ] + headers.lines, body: attempt.body)
    request.timeout = timeout
    request.connectTimeout = min(request.connectTimeout, timeout)
    request.maxBodyBytes = Self.maxBodyBytes
    do throws(HTTPClientError) {
      let answer = try client.send(request)
      return .answered(answer.status)
    } catch {
      return .unreachable
    }
  }
}
