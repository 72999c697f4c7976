import Testing

@testable import Proofs

/// The proofs can fail: each case breaks a guarantee of the store.
@Suite struct ExaminationTests {
  private static let reports: [Report] = [.starting, .processing, .processing, .succeeded]

  /// Each event sent and acknowledged once.
  private let sends = reports.map { report in
    var sends = Ledger.Sends(report: report)
    (sends.attempts, sends.acknowledged, sends.fresh) = (1, 1, 1)
    return sends
  }

  private func row(_ step: Int, _ outcome: String, _ state: String, _ revision: Int) -> HistoryDocument.Row {
    let event = Event(job: 7, step: step, report: Self.reports[step])
    return HistoryDocument.Row(
      webhookID: event.webhookID, outcome: outcome, state: state, revision: revision, digest: event.digest)
  }

  private var rows: [HistoryDocument.Row] {
    [
      row(0, "applied", "pending", 1), row(2, "applied", "running", 2), row(1, "late", "running", 2),
      row(3, "applied", "succeeded", 3),
    ]
  }

  private func examination(
    _ rows: [HistoryDocument.Row], _ sends: [Ledger.Sends]? = nil, state: String = "succeeded",
    revision: Int = 3
  ) -> Examination {
    Examination(
      of: 7, sends ?? self.sends, JobDocument(id: "proof-7", state: state, revision: revision),
      HistoryDocument(deliveries: rows))
  }

  private func isFaultless(_ examination: Examination) -> Bool {
    examination.lost == 0 && examination.appliedTwice == 0 && examination.problem == nil
  }

  @Test func aCorrectHistoryHasNoViolations() {
    #expect(isFaultless(examination(rows)))
  }

  @Test(arguments: 0..<4)
  func anAcknowledgedDeliveryThatIsNotThereIsLost(_ missing: Int) {
    var rows = rows
    rows.remove(at: missing)
    #expect(examination(rows).lost == 1)
  }

  @Test func aJobThatIsNotThereLosesAllOfIt() {
    #expect(Examination(of: 7, sends, nil, nil).lost == 4)
  }

  @Test func aRepeatThatWasAcknowledgedAndIsNotThereIsLost() {
    var sends = sends
    (sends[1].attempts, sends[1].acknowledged) = (2, 2)
    #expect(examination(rows, sends).lost == 1)
    #expect(isFaultless(examination(rows + [row(1, "duplicate", "succeeded", 3)], sends)))
  }

  @Test func anEffectThatCameTwiceIsCounted() {
    var sends = sends
    sends[1].attempts = 2
    #expect(examination(rows + [row(1, "late", "succeeded", 3)], sends).appliedTwice == 1)
    (sends[1].acknowledged, sends[1].fresh) = (2, 2)
    #expect(examination(rows + [row(1, "duplicate", "succeeded", 3)], sends).appliedTwice == 1)
  }

  @Test func anUnansweredDeliveryMayBeStoredOrNot() {
    var sends = sends
    (sends[3].acknowledged, sends[3].fresh) = (0, 0)
    #expect(isFaultless(examination(rows, sends)))
    #expect(isFaultless(examination(Array(rows.dropLast()), sends, state: "running", revision: 2)))
  }

  @Test func aRejectedOrUnsentDeliveryMustNotBeStored() {
    var sends = sends
    (sends[3].acknowledged, sends[3].fresh, sends[3].refused) = (0, 0, 1)
    #expect(examination(rows, sends).problem != nil)
    sends[3].attempts = 0
    #expect(examination(rows, sends).problem != nil)
  }

  @Test func aJobThatIsNotWhatItsHistoryMakesItIsAProblem() {
    #expect(examination(rows, state: "running").problem != nil)
    #expect(examination(rows, revision: 4).problem != nil)
    var rows = rows
    rows[2] = row(1, "late", "pending", 2)
    #expect(examination(rows).problem != nil)
  }

  @Test(arguments: [
    ("running", 3, nil), ("succeeded", 2, nil), ("failed", 3, "succeeded"), ("pending", 3, "succeeded"),
  ])
  func aReaderThatSeesAJobGoBackIsAProblem(_ state: String, _ revision: Int, _ end: String?) {
    let bound = Ledger.LowerBound(rank: 2, revision: 3, end: end)
    let seen = JobDocument(id: "proof-7", state: state, revision: revision)
    #expect(Ledger.problem(with: seen, above: bound) != nil)
    #expect(Ledger.problem(with: nil, above: bound) != nil)
    let same = JobDocument(id: "proof-7", state: "succeeded", revision: 3)
    #expect(Ledger.problem(with: same, above: bound) == nil)
  }
}
