import Jobs
@testable import Replicate
@testable import Scheduler
import Store
import Testing
@testable import Time

/// Decisions about calls to the provider.
@Suite struct ProviderTests {
  @Test func everyOutcomeOfACreationIsDecided() {
    let cases: [(ReplicateClient.Outcome<Int>, CreateDecision)] = [
      (.answered(1), .place), (.unanswered("reset"), .find(isOver: false)),
      (.unsent("refused"), .putOff(seconds: 4, because: .unreachable)),
      (.failed(.unavailable(status: 500, retryAfter: nil, isExplained: true)), .find(isOver: true)),
      (.failed(.unavailable(status: 504, retryAfter: 9, isExplained: false)), .find(isOver: false)),
      (.failed(.unintelligible(status: 201)), .find(isOver: false)),
      (.failed(.unintelligible(status: 301)), .putOff(seconds: 4, because: .unreachable)),
      (.failed(.rateLimited(retryAfter: 7)), .putOff(seconds: 7, because: .rateLimited)),
      (.failed(.unauthorized(message: "m")), .putOff(seconds: 60, because: .unauthorized)),
      (
        .failed(.insufficientCredit(message: "m")),
        .refuse(JobError(code: "insufficient_credit", message: "m"))
      ),
      (
        .failed(.invalid(status: 422, message: "m")),
        .refuse(JobError(code: "invalid_input", message: "m"))
      ),
      (
        .failed(.notFound(message: "m")),
        .refuseIfRepeated(JobError(code: "invalid_input", message: "m"))
      ),
      (.failed(.unintelligible(status: 404)), .putOff(seconds: 4, because: .unreachable)),
    ]
    for (outcome, expected) in cases {
      #expect(CreateDecision(outcome, tries: 3) == expected, "\(outcome)")
    }
  }

  @Test func anAbsenceCountsSoonerAfterACallThatEnded() {
    let time = { (seconds: Int64) in Timestamp(milliseconds: seconds * 1000) }
    let lost = PredictionSearch.Plan(sentAt: time(100), now: time(130), isOver: false)
    #expect(lost.firstLook == time(135) && lost.certain == time(160))
    let over = PredictionSearch.Plan(sentAt: time(100), now: time(130), isOver: true)
    #expect(over.firstLook == time(135) && over.certain == time(135))
    let setBack = PredictionSearch.Plan(sentAt: time(900), now: time(130), isOver: false)
    #expect(setBack.certain == time(190))
  }

  /// Forged deliveries are coalesced, and leave room for the callers' events.
  @Test func forgedDeliveriesLeaveRoomForTheCallersEvents() {
    let inbox = DispatcherInbox(callers: 3)
    for _ in 0..<10_000 {
      inbox.noteFailedVerification()
      inbox.wake()
    }
    for caller in 0..<3 {
      inbox.tell(.secretNotFetched)
      inbox.tell(.done(caller: caller, pause: nil))
    }
    let received = inbox.popAll(timeout: .zero) ?? []
    #expect(received.prefix(2) == [.verificationFailed, .wake])
    #expect(received.count == 8 && received.last == .done(caller: 2, pause: nil))
    // An event that was received can be sent again.
    inbox.wake()
    #expect(inbox.popAll(timeout: .zero) == [.wake])
    inbox.close()
    inbox.wake()
    #expect(inbox.popAll(timeout: .zero) == nil)
  }
}
