internal import HTTPWire
internal import Jobs
internal import Observability
package import Replicate
internal import Routing
internal import Time

/// Decodes a verified request into a delivery: its body into a snapshot, its URL into a job.
package final class DeliveryDecoder {
  private let snapshots: SnapshotDecoder
  private let token: JobToken
  private let metrics: IntakeMetrics

  /// - Parameters:
  ///   - rules: the general rules for outputs.
  ///   - token: binds a delivery to a job that was created here.
  package init(rules: LiveOutputRules, token: JobToken, metrics: IntakeMetrics) {
    snapshots = SnapshotDecoder(rules: rules)
    self.token = token
    self.metrics = metrics
  }

  func decode(
    _ body: [UInt8], to target: RequestTarget, webhookID: String, receivedAt: Timestamp
  ) throws(Problem) -> Delivery {
    let namedJob = namedJob(target)
    do throws(PredictionError) {
      let (snapshot, kept) = try snapshots.decode(body)
      return Delivery(
        webhookID: webhookID, receivedAt: receivedAt, snapshot: snapshot, body: kept, namedJob: namedJob)
    } catch {
      throw Problem(error)
    }
  }

  /// The job to which the delivery's URL binds it; nil where the URL has no valid token.
  ///
  /// A signed delivery with a bad token is not rejected: it stays unbound, and is counted. A parameter of
  /// another form is the user's own.
  private func namedJob(_ target: RequestTarget) -> String? {
    guard target.hasQuery, let parameters = target.queryParameters,
      let value = parameters.first(where: { JobToken.hasForm(name: $0.name, value: $0.value) })?.value
    else { return nil }
    let job = token.job(named: value)
    if job == nil { metrics.unboundDeliveries.add(for: .badToken) }
    return job
  }
}
