import Jobs
@testable import Replicate
@testable import Scheduler
import StoreSeam
import SQLiteStore
import Testing

/// A create call is repeated only if it certainly had no effect.
///
/// Predictions cost money.
@Suite struct CreateDecisionTests {
  @Test func everyOutcomeIsDecided() {
    let table: [(ReplicateClient.Outcome<Int>, CreateDecision)] = [
      (.answered(1), .created), (.unsent("refused"), .reschedule(seconds: 4, because: .unreachable)),
      (.unanswered("timeout"), .search(hasCallEnded: false)),
      (.failed(.rateLimited(retryAfter: 17)), .reschedule(seconds: 17, because: .rateLimited)),
      (.failed(.unauthorized(message: "no")), .reschedule(seconds: 60, because: .unauthorized)),
      (
        .failed(.insufficientCredit(message: "pay")),
        .reschedule(seconds: 60, because: .insufficientCredit)
      ),
      (
        .failed(.notFound(message: "who")),
        .failIfRepeated(JobError(code: "invalid_input", message: "who"))
      ),
      (
        .failed(.invalid(status: 422, message: "bad")),
        .fail(JobError(code: "invalid_input", message: "bad"))
      ),
      (.failed(.unavailable(status: 500, retryAfter: nil, isExplained: false)), .search(hasCallEnded: false)),
      (.failed(.unavailable(status: 503, retryAfter: 9, isExplained: false)), .search(hasCallEnded: false)),
      (.failed(.unavailable(status: 408, retryAfter: nil, isExplained: false)), .search(hasCallEnded: false)),
      (.failed(.unintelligible(status: 201)), .search(hasCallEnded: false)),
      (.failed(.unintelligible(status: 302)), .reschedule(seconds: 4, because: .unreachable)),
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
  func `a refused order backs off alone and ends with its text`(_ refusals: Int64, _ seconds: Int?) {
    let outcome = ReplicateClient.Outcome<Int>.failed(.refused(status: 403, message: "not yours"))
    let error = JobError(code: "invalid_input", message: "not yours")
    let decision = CreateDecision(outcome, tries: 99, refusals: refusals)
    #expect(decision == (seconds.map { .backOff(seconds: $0, error) } ?? .fail(error)))
  }

  @Test(arguments: [
    (0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (1000, 60),
    (Int64.max, 60),
  ])
  func `backoff grows to a minute`(_ tries: Int64, _ seconds: Int) {
    #expect(CreateDecision.backoff(afterTries: tries) == seconds)
  }
}
