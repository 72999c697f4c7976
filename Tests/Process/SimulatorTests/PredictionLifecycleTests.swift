import Testing

@testable import replicate_simulator

/// State changes of a prediction over time.
@Suite struct PredictionLifecycleTests {
  private static let beginning = Instant(nanoseconds: 1_700_000_000_000_000_000)

  /// All changes until `end`, applied at every `interval`.
  private func changes(
    of lifecycle: inout PredictionLifecycle, until end: Duration, interval: Duration = .milliseconds(7)
  ) -> [PredictionLifecycle.Change] {
    var changes: [PredictionLifecycle.Change] = []
    var now = Self.beginning
    while now <= Self.beginning + end {
      while let change = lifecycle.advance(to: now) { changes.append(change) }
      now = now + interval
    }
    return changes
  }

  private func behaviour(
    _ model: String = "demo/hello", _ change: (inout Behaviour) -> Void = { _ in }
  ) -> Behaviour {
    var behaviour = Models.builtIn.behaviour(of: model, duration: .seconds(2))
    change(&behaviour)
    return behaviour
  }

  @Test(arguments: [
    (Behaviour.Ending.succeeded, "succeeded"), (.failed("why"), "failed"), (.canceled, "canceled"),
  ])
  func startsProgressesAndEnds(_ ending: Behaviour.Ending, _ status: String) {
    var lifecycle = PredictionLifecycle(behaviour { $0.ending = ending }, createdAt: Self.beginning)
    let changes = changes(of: &lifecycle, until: .seconds(3))
    #expect(changes.first == .started && changes.last == .ended)
    #expect(changes.count == Behaviour.steps + 1)
    #expect(lifecycle.status == status)
    #expect(lifecycle.startedAt == Self.beginning + .milliseconds(200))
    #expect(lifecycle.completedAt == Self.beginning + .milliseconds(2200))
    #expect(lifecycle.nextChangeAt == nil)
  }

  /// Changes do not depend on the interval.
  @Test(arguments: [1, 13, 500, 10_000])
  func lateAdvanceGivesSameChanges(_ milliseconds: Int) {
    var (frequent, rare) = (
      PredictionLifecycle(behaviour("demo/tokens"), createdAt: Self.beginning),
      PredictionLifecycle(behaviour("demo/tokens"), createdAt: Self.beginning)
    )
    let seen = changes(of: &frequent, until: .seconds(20), interval: .milliseconds(1))
    #expect(changes(of: &rare, until: .seconds(20), interval: .milliseconds(milliseconds)) == seen)
    #expect(frequent == rare)
  }

  @Test(arguments: [(100, "aborted", false), (1000, "canceled", true), (9000, "succeeded", true)])
  func deadlineEndsPrediction(_ milliseconds: Int, _ status: String, _ hasStarted: Bool) {
    let deadline = Self.beginning + .milliseconds(milliseconds)
    var lifecycle = PredictionLifecycle(behaviour(), createdAt: Self.beginning, deadline: deadline)
    #expect(changes(of: &lifecycle, until: .seconds(10)).last == .ended)
    #expect(lifecycle.status == status && (lifecycle.startedAt != nil) == hasStarted)
    #expect(lifecycle.completedAt == min(deadline, Self.beginning + .milliseconds(2200)))
  }

  @Test func abortedPredictionNeverStarts() {
    var lifecycle = PredictionLifecycle(behaviour { $0.ending = .aborted }, createdAt: Self.beginning)
    #expect(changes(of: &lifecycle, until: .seconds(3)) == [.ended])
    #expect(lifecycle.status == "aborted" && lifecycle.startedAt == nil)
  }

  @Test func cancelingEndsOnce() {
    var lifecycle = PredictionLifecycle(behaviour(), createdAt: Self.beginning)
    _ = changes(of: &lifecycle, until: .milliseconds(700))
    let moment = Self.beginning + .milliseconds(701)
    #expect(lifecycle.cancel(at: moment) == .ended)
    #expect(lifecycle.status == "canceled" && lifecycle.completedAt == moment)
    #expect(lifecycle.cancel(at: moment + .seconds(1)) == nil)
    #expect(lifecycle.advance(to: moment + .seconds(10)) == nil)
    #expect(lifecycle.completedAt == moment)
  }

  @Test func endedPredictionKeepsState() {
    var lifecycle = PredictionLifecycle(behaviour(), createdAt: Self.beginning)
    _ = changes(of: &lifecycle, until: .seconds(3))
    #expect(lifecycle.cancel(at: Self.beginning + .seconds(4)) == nil)
    #expect(lifecycle.status == "succeeded")
  }

  @Test func onlyGrowingOutputIsReportedAsNew() {
    var (files, tokens) = (
      PredictionLifecycle(behaviour(), createdAt: Self.beginning),
      PredictionLifecycle(behaviour("demo/tokens"), createdAt: Self.beginning)
    )
    #expect(!changes(of: &files, until: .seconds(3)).contains(.progressed(hasNewOutput: true)))
    #expect(changes(of: &tokens, until: .seconds(3)).contains(.progressed(hasNewOutput: true)))
  }

  @Test func progressBarsMatchTqdm() {
    #expect(ProgressLog.bar(0, .seconds(2)) == "  0%|          | 0/50 [00:00<?, ?it/s]")
    #expect(ProgressLog.bar(8, .seconds(2)) == " 40%|████      | 20/50 [00:00<00:01, 25.00it/s]")
    #expect(ProgressLog.bar(9, .seconds(200)) == " 44%|████▍     | 22/50 [01:30<01:50,  0.24it/s]")
    #expect(ProgressLog.bar(20, .seconds(2)) == "100%|██████████| 50/50 [00:02<00:00, 25.00it/s]")
  }
}
