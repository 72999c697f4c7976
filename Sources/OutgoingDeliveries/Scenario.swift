/// Deliveries to send, in order, with the expected status of each.
package enum Scenario: String, CaseIterable, Sendable {
  case happy
  case failed
  case canceled
  case duplicate
  case outOfOrder = "out-of-order"
  case late
  case badSignature = "bad-signature"
  case staleTimestamp = "stale-timestamp"
  case unknownStatus = "unknown-status"

  package struct Step {
    package let moment: SamplePrediction.Moment
    /// Steps with one event are attempts at one delivery, one `webhook-id`.
    package let event: Int
    package var signatureIsBroken = false
    /// The age that the attempt's timestamp claims.
    package var ageSeconds: Int64 = 0
    package var expectedStatus = 200
  }

  package var steps: [Step] {
    switch self {
    case .happy: Self.events(.starting, .processing, .progressing, .succeeded)
    case .failed: Self.events(.starting, .processing, .failed)
    case .canceled: Self.events(.starting, .processing, .canceled)
    case .duplicate: Self.events(.starting, .succeeded) + [Step(moment: .succeeded, event: 1)]
    case .outOfOrder: Self.events(.progressing, .starting, .processing, .succeeded)
    case .late: Self.events(.starting, .succeeded, .progressing)
    case .unknownStatus: Self.events(.starting, .unknown, .succeeded)
    case .badSignature:
      [Step(moment: .succeeded, event: 0, signatureIsBroken: true, expectedStatus: 401)]
    case .staleTimestamp:
      [Step(moment: .succeeded, event: 0, ageSeconds: 3600, expectedStatus: 401)]
    }
  }

  private static func events(_ moments: SamplePrediction.Moment...) -> [Step] {
    moments.enumerated().map { Step(moment: $1, event: $0) }
  }
}
