package import Jobs
package import Time

extension Order {
  /// The order of a posted request.
  ///
  /// - Parameters:
  ///   - body: the text of the request, which is kept.
  ///   - id: the job's id where the request has none.
  ///   - retryOf: the id of the job that it repeats.
  package init(
    _ request: PredictionRequest, body: [UInt8], id: @autoclosure () -> String, at now: Timestamp,
    idempotencyKey: String? = nil, retryOf: String? = nil, digest: borrowing RequestDigest = RequestDigest()
  ) {
    guard let digest = BodyDigest(bytes: digest.digest(of: body.span)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    let metadata = request.metadata.map { text in
      JobMetadata(
        text: text,
        members: MetadataMembers.membersWithinLimits(of: text.span).map(MetadataMember.init))
    }
    self.init(
      id: request.id ?? id(), idempotencyKey: idempotencyKey, digest: digest, request: body,
      model: request.model, createdAt: now, timeout: request.timeout.map { Int64($0) * 1000 },
      retries: Int64(request.retries ?? 0), metadata: metadata,
      startBefore: request.startBefore.map { now.advanced(byMilliseconds: Int64($0) * 1000) },
      retryOf: retryOf, callback: request.callback.map { Callback($0) }, archive: request.archive?.rawValue)
  }
}

extension Order.Callback {
  package init(_ request: CallbackRequest) {
    self.init(url: request.url, events: Set(request.events.map(\.rawValue)))
  }
}
