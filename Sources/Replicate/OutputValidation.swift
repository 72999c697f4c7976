package import JobRequests
package import Jobs

extension Prediction {
  /// A snapshot that includes the progress, and the violation of `rules`: see ``ruleViolation(of:in:)``.
  package func snapshot(digest: BodyDigest, rules: OutputRules, body: Span<UInt8>) -> Snapshot {
    var snapshot = snapshot(digest: digest)
    snapshot.ruleViolation = ruleViolation(of: rules.rule(for: model), in: body)
    // A success needs no bar, and most deliveries that end a job are one.
    if snapshot.claimedPhase != .succeeded {
      snapshot.progress = logs.flatMap { LogProgress.progress(in: $0, of: body) }
    }
    return snapshot
  }

  /// Why the output of a succeeded prediction violates `rule`.
  ///
  /// - Parameter body: what this was read from.
  /// - Returns: nil where the output is usable, or the prediction did not succeed.
  package func ruleViolation(of rule: OutputRule, in body: Span<UInt8>) -> JobError? {
    guard status == PredictionStatus.succeeded.rawValue,
      let violation = rule.violation(by: output, in: body, isDataRemoved: isDataRemoved)
    else { return nil }
    return JobError(code: "invalid_output", message: violation.message)
  }
}

/// Validation by a job's own `expect`, which replaces the general rules.
package struct RequestedOutput: Sendable {
  private let localOrigin: LocalOrigin?

  /// - Parameter rules: the general rules, whose local origin holds for a job's own `expect` too.
  package init(beside rules: OutputRules = OutputRules()) {
    localOrigin = rules.localOrigin
  }

  /// - Parameters:
  ///   - request: the job's request as it was posted.
  ///   - body: the snapshot's body.
  ///   - standing: the violation of the general rules.
  /// - Returns: nil where the output is as requested.
  package func validate(
    request: [UInt8], body: [UInt8], standing: JobError?
  ) -> JobError? {
    // A posted request was checked on arrival. A job that only awaits its cancellation has none.
    guard var expect = (try? PredictionRequest(body: request.span, isStored: true))?.expect,
      let prediction = try? Prediction(body: body.span)
    else { return standing }
    expect.localOrigin = localOrigin
    return prediction.ruleViolation(of: expect, in: body.span)
  }
}
