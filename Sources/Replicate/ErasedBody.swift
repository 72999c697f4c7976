internal import Crypto
package import Jobs

/// What is kept of a job whose prediction the provider has erased: see ``ErasedData``.
package enum ErasedBody {
  @Sendable package static func restore(
    erased: [UInt8], known: [UInt8]
  ) -> (body: [UInt8], evidence: Evidence)? {
    guard let body = ErasedData.restored(erased.span, from: known.span),
      let prediction = try? Prediction(body: body.span),
      let digest = BodyDigest(bytes: SHA256().digest(of: body.span))
    else { return nil }
    return (body, prediction.evidence(digest: digest))
  }
}
