internal import Jobs
internal import ReplicateAPI
internal import StandardWebhooks
internal import Store

/// What is kept of a job whose prediction the provider has erased: see ``ErasedData``.
enum ErasedBody {
  static let restore: BodyRestorer = { erased, known in
    guard let body = ErasedData.restored(erased.span, from: known.span),
      let prediction = try? Prediction(body: body.span),
      let digest = BodyDigest(bytes: SHA256().digest(of: body.span))
    else { return nil }
    return (body, prediction.evidence(digest: digest))
  }
}
