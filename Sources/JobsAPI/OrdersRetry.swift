internal import HTTPWire
internal import JobRequests
internal import Jobs
internal import StoreSeam
internal import Routing

/// Retrying a job: a new job with the request of an ended one, and what the body changes of it.
extension OrdersEndpoint {
  /// Checks the header section of a retry, whose body is optional.
  ///
  /// - Returns: its `Idempotency-Key`.
  func admitRetry(_ head: RequestHead) throws(Problem) -> String? {
    try limits.requireConfiguration()
    if head.bodyFraming != .none, head.bodyFraming != .length(0) {
      try head.requireJSON()
      try head.requireIdentityCoding()
    }
    return try Self.idempotencyKey(of: head)
  }

  func retry(_ request: RoutedRequest<String?>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let record = try await views.view(request.path["id"]).record
    try await views.refuse(.retry, of: record.number, id: record.job.id)
    guard record.job.phase.isTerminal else {
      throw Problem(
        .conflict, .conflict,
        "the job has not ended: wait for its end, or cancel it with POST /jobs/{id}/cancel")
    }
    guard let earlier = record.order?.request, !earlier.isEmpty else {
      throw Problem(
        .conflict, .conflict,
        "the job was not created here, so that its request is unknown: create one with POST /jobs")
    }
    let (body, parsed) = try Self.request(from: earlier, changes: request.body)
    guard !parsed.input.isEmpty else {
      throw Problem(
        .conflict, .conflict, "the input of the job's request was erased: send `input` in the body")
    }
    let order = try order(parsed, body: body, idempotencyKey: request.admitted, retryOf: record.job.id)
    let (status, view) = try await enqueue(order)
    return try response(status, view, parsed)
  }

  private static func request(
    from earlier: [UInt8], changes: [UInt8]
  ) throws(Problem) -> (body: [UInt8], PredictionRequest) {
    do throws(PredictionRequestError) {
      let body = try RetryRequest.make(from: earlier, changes: changes)
      return (body, try PredictionRequest(body: body.span, isStored: changes.isEmpty))
    } catch {
      throw Problem(error)
    }
  }
}
