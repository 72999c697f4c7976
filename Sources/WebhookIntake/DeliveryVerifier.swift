internal import Observability
internal import Routing
package import StandardWebhooks
internal import Time

/// Verifies deliveries with the current secrets, which may be replaced while it runs.
package final class DeliveryVerifier {
  private let secrets: WebhookSecrets
  private let toleranceSeconds: Int64
  private let metrics: IntakeMetrics
  private let mismatched: @Sendable () -> Void
  private var verifier: Verifier
  /// The generation of the secrets in `verifier`.
  private var generation: Int

  /// - Parameters:
  ///   - toleranceSeconds: how far a delivery's timestamp may be from now.
  ///   - mismatched: called for each delivery that no known secret has signed.
  /// - Returns: nil if OpenSSL has no HMAC-SHA256.
  package init?(
    secrets: WebhookSecrets, toleranceSeconds: Int64, metrics: IntakeMetrics,
    mismatched: @escaping @Sendable () -> Void
  ) {
    self.secrets = secrets
    self.toleranceSeconds = toleranceSeconds
    self.metrics = metrics
    self.mismatched = mismatched
    generation = secrets.generation
    guard let verifier = Verifier(secrets: secrets.current, toleranceSeconds: toleranceSeconds) else {
      return nil
    }
    self.verifier = verifier
  }

  func verify(
    _ headers: SignatureHeaders, _ body: [UInt8], now: Timestamp
  ) throws(Problem) -> Acceptance {
    if secrets.generation != generation { reload() }
    do throws(VerificationError) {
      let seconds = now.milliseconds / 1000
      let acceptance = try verifier.verify(headers, body: body.span, now: seconds)
      metrics.noteAcceptance(bySecretAt: acceptance.secretPosition, at: seconds, bodyBytes: body.count)
      return acceptance
    } catch {
      if case .mismatch = error { mismatched() }
      throw Problem(error)
    }
  }

  private func reload() {
    let new = secrets.generation
    // If memory is exhausted, the old verifier stays, and the next delivery tries again.
    let current = Verifier(secrets: secrets.current, toleranceSeconds: toleranceSeconds)
    guard let current else { return }
    verifier = current
    generation = new
  }
}
