import Jobs
@testable import Replicate
@testable import Scheduler
import StoreSeam
import SQLiteStore
import Testing
@testable import Time

/// Decisions about calls to the provider.
@Suite struct ProviderTests {
  @Test func `every outcome of a create call has a decision`() {
    let cases: [(ReplicateClient.Outcome<Int>, CreateDecision)] = [
      (.answered(1), .created), (.unanswered("reset"), .search(hasCallEnded: false)),
      (.unsent("refused"), .reschedule(seconds: 4, because: .unreachable)),
      (.failed(.unavailable(status: 500, retryAfter: nil, isExplained: true)), .search(hasCallEnded: true)),
      (.failed(.unavailable(status: 504, retryAfter: 9, isExplained: false)), .search(hasCallEnded: false)),
      (.failed(.unintelligible(status: 201)), .search(hasCallEnded: false)),
      (.failed(.unintelligible(status: 301)), .reschedule(seconds: 4, because: .unreachable)),
      (.failed(.rateLimited(retryAfter: 7)), .reschedule(seconds: 7, because: .rateLimited)),
      (.failed(.unauthorized(message: "m")), .reschedule(seconds: 60, because: .unauthorized)),
      (
        .failed(.insufficientCredit(message: "m")),
        .reschedule(seconds: 60, because: .insufficientCredit)
      ),
      (
        .failed(.invalid(status: 422, message: "m")),
        .fail(JobError(code: "invalid_input", message: "m"))
      ),
      (
        .failed(.notFound(message: "m")),
        .failIfRepeated(JobError(code: "invalid_input", message: "m"))
      ),
      (.failed(.unintelligible(status: 404)), .reschedule(seconds: 4, because: .unreachable)),
    ]
    for (outcome, expected) in cases {
      #expect(CreateDecision(outcome, tries: 3) == expected, "\(outcome)")
    }
  }

  @Test func `an absence is conclusive sooner after a call that has ended`() {
    let time = { (seconds: Int64) in Timestamp(milliseconds: seconds * 1000) }
    let lost = LostPredictionSearch.Plan(sentAt: time(100), now: time(130), hasCallEnded: false)
    #expect(lost.firstCheck == time(135) && lost.absenceConclusiveAt == time(160))
    let ended = LostPredictionSearch.Plan(sentAt: time(100), now: time(130), hasCallEnded: true)
    #expect(ended.firstCheck == time(135) && ended.absenceConclusiveAt == time(135))
    let setBack = LostPredictionSearch.Plan(sentAt: time(900), now: time(130), hasCallEnded: false)
    #expect(setBack.absenceConclusiveAt == time(190))
  }
}
