import Jobs
@testable import Replicate
@testable import Scheduler
import Store
import Testing

/// A create call is repeated only if it certainly had no effect.
///
/// Predictions cost money.
@Suite struct CreateDecisionTests {
  @Test func everyOutcomeIsDecided() {
    let table: [(ReplicateClient.Outcome<Int>, CreateDecision)] = [
      (.answered(1), .place), (.unsent("refused"), .putOff(seconds: 4, because: .unreachable)),
      (.unanswered("timeout"), .find(isOver: false)),
      (.failed(.rateLimited(retryAfter: 17)), .putOff(seconds: 17, because: .rateLimited)),
      (.failed(.unauthorized(message: "no")), .putOff(seconds: 60, because: .unauthorized)),
      (
        .failed(.insufficientCredit(message: "pay")),
        .refuse(JobError(code: "insufficient_credit", message: "pay"))
      ),
      (
        .failed(.notFound(message: "who")),
        .refuseIfRepeated(JobError(code: "invalid_input", message: "who"))
      ),
      (
        .failed(.invalid(status: 422, message: "bad")),
        .refuse(JobError(code: "invalid_input", message: "bad"))
      ),
      (.failed(.unavailable(status: 500, retryAfter: nil, isExplained: false)), .find(isOver: false)),
      (.failed(.unavailable(status: 503, retryAfter: 9, isExplained: false)), .find(isOver: false)),
      (.failed(.unavailable(status: 408, retryAfter: nil, isExplained: false)), .find(isOver: false)),
      (.failed(.unintelligible(status: 201)), .find(isOver: false)),
      (.failed(.unintelligible(status: 302)), .putOff(seconds: 4, because: .unreachable)),
    ]
    for (outcome, decision) in table {
      #expect(CreateDecision(outcome, tries: 3) == decision, "\(outcome)")
    }
  }

  /// Backoff and end count only refusals, whatever the other tries ended in.
  @Test(
    arguments: [
      (0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (8, 60), (9, nil), (100, nil),
    ] as [(Int64, Int?)])
  func aRefusedOrderBacksOffAloneAndEndsWithItsText(_ refusals: Int64, _ seconds: Int?) {
    let outcome = ReplicateClient.Outcome<Int>.failed(.refused(status: 403, message: "not yours"))
    let error = JobError(code: "invalid_input", message: "not yours")
    let decision = CreateDecision(outcome, tries: 99, refusals: refusals)
    #expect(decision == (seconds.map { .backOff(seconds: $0, error) } ?? .refuse(error)))
  }

  @Test(arguments: [
    (0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (1000, 60),
    (Int64.max, 60),
  ])
  func pausesGrowToAMinute(_ tries: Int64, _ seconds: Int) {
    #expect(CreateDecision.pause(afterTries: tries) == seconds)
  }
}
