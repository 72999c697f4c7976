internal import Crypto
internal import JSONText
package import JobRequests
package import Jobs

/// Decodes a prediction's body into a snapshot, delivered or polled.
///
/// Used by one thread at a time.
package final class SnapshotDecoder {
  private let live: LiveOutputRules
  @exclusivity(unchecked) private var rules: OutputRules
  /// The generation of `rules`.
  @exclusivity(unchecked) private var generation: Int
  private let sha256 = SHA256()

  /// - Parameter rules: may be replaced while it runs.
  package init(rules: LiveOutputRules) {
    live = rules
    generation = rules.generation
    self.rules = rules.current
  }

  package convenience init(rules: OutputRules) { self.init(rules: LiveOutputRules(rules)) }

  /// - Returns: the snapshot, and the body to store, with its job token masked. The digest is of that body.
  package func decode(_ body: [UInt8]) throws(PredictionError) -> (snapshot: Snapshot, body: [UInt8]) {
    if live.generation != generation { (generation, rules) = (live.generation, live.current) }
    let prediction = try Prediction(body: body.span)
    var stored = body
    if let url = prediction.webhook { JobToken.mask(in: &stored, url: url.range) }
    guard let digest = BodyDigest(bytes: sha256.digest(of: stored.span)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    return (prediction.snapshot(digest: digest, rules: rules, body: stored.span), stored)
  }
}
