internal import JobRequests
package import Jobs

/// The output rules of one job: the `expect` of its request, which replaces the general rules.
package enum RequestedOutput {
  /// - Parameters: the request as it was posted, the body of the snapshot, and the verdict of the general rules.
  /// - Returns: nil where the output is as it was requested.
  @Sendable package static func judge(
    request: [UInt8], body: [UInt8], standing: JobError?
  ) -> JobError? {
    // A posted request was checked then; a job that only awaits its cancellation has none.
    guard let expect = (try? PredictionRequest(body: request.span, isStored: true))?.expect,
      let prediction = try? Prediction(body: body.span)
    else { return standing }
    return prediction.breach(of: expect, in: body.span)
  }
}
