internal import Crypto
internal import JSONText
package import JobRequests
package import Jobs

/// Reads what the provider says of a prediction, whether it was sent or asked for. One thread at a time.
package final class SnapshotDecoder {
  private let rules: OutputRules
  private let sha256 = SHA256()

  package init(rules: OutputRules) {
    self.rules = rules
  }

  /// - Returns: the snapshot, and the body to keep: as it came, but for the token in it. The digest is of what is kept.
  package func decode(_ body: [UInt8]) throws(PredictionError) -> (snapshot: Snapshot, body: [UInt8]) {
    let prediction = try Prediction(body: body.span)
    var kept = body
    if let url = prediction.webhook { JobToken.mask(in: &kept, url: url.range) }
    guard let digest = BodyDigest(bytes: sha256.digest(of: kept.span)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    return (prediction.snapshot(digest: digest, rules: rules, body: kept.span), kept)
  }
}
