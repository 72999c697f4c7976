internal import Jobs
internal import ReplicateAPI
internal import Store

/// What the request of a job says of the output that it wants (`expect`). It counts instead of the general rules.
enum RequestedOutput {
  static let judge: OutputJudge = { request, body, standing in
    // What was posted was checked then; a job that only asks to be canceled has no request.
    guard let expect = (try? PredictionRequest(body: request.span, isStored: true))?.expect,
      let prediction = try? Prediction(body: body.span)
    else { return standing }
    return prediction.breach(of: expect, in: body.span)
  }
}

extension WatchPolicy {
  init(_ settings: ProviderSettings) {
    self.init(
      timeout: settings.jobTimeout.wholeMilliseconds,
      firstPoll: settings.token == nil ? nil : settings.reconcileAfter.wholeMilliseconds)
  }
}

extension Duration {
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }
}

extension JobToken {
  /// By the key that the database holds, which gets one where it has none.
  init(keptBy writer: StoreWriter) throws(StoreError) {
    let fresh = Self.makeKey()
    self.init(
      key: try writer.commit { (transaction) throws(StoreError) in
        try transaction.key(Self.keyName, orStore: fresh)
      })
  }
}
