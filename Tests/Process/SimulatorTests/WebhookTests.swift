import Testing

@testable import replicate_simulator

/// Throttling, retries and faults of webhooks.
@Suite struct WebhookTests {
  private static let beginning = Instant(nanoseconds: 1_700_000_000_000_000_000)

  @Test(
    arguments: [
      ([.start, .output, .logs, .completed], 10), (WebhookEvent.standard, 6), ([.completed], 1), ([.logs], 4),
      ([], 0),
    ] as [(Set<WebhookEvent>, Int)])
  func outputAndLogsAreThrottled(_ events: Set<WebhookEvent>, _ count: Int) {
    var lifecycle = PredictionLifecycle(
      Models.builtIn.behaviour(of: "demo/tokens", duration: .seconds(2)), createdAt: Self.beginning)
    var throttle = WebhookThrottle(events: events)
    var sent: [(event: WebhookEvent, time: Instant)] = []
    while let due = lifecycle.nextChangeAt, let change = lifecycle.advance(to: due) {
      sent += throttle.events(of: change, at: due).map { ($0, due) }
    }
    #expect(sent.count == count)
    for event in [WebhookEvent.output, .logs] {
      let times = sent.filter { $0.event == event }.map(\.time)
      #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(500) })
    }
  }

  /// Every prediction sends its start and its end, however short it is.
  @Test func startAndEndAreNeverThrottled() {
    var throttle = WebhookThrottle(events: Set(WebhookEvent.allCases))
    #expect(throttle.events(of: .started, at: Self.beginning) == [.start])
    #expect(throttle.events(of: .progressed(hasNewOutput: true), at: Self.beginning) == [.output, .logs])
    #expect(throttle.events(of: .progressed(hasNewOutput: true), at: Self.beginning) == [])
    #expect(throttle.events(of: .ended, at: Self.beginning) == [.completed])
  }

  @Test func lastRetryIsAtEndOfWindow() {
    let schedule = RetrySchedule(window: .seconds(63))
    let seconds = (1...7).map { schedule.offset(ofRetry: $0)?.components.seconds }
    #expect(seconds == [1, 3, 7, 15, 31, 63, nil])
  }

  @Test(arguments: [
    // Retries made, seconds that have passed, the next retry, its second.
    (0, 0, 1, 1), (0, 1, 1, 1), (0, 2, 2, 3), (1, 1, 2, 3), (1, 20, 5, 31), (5, 40, 6, 63),
  ])
  func slowAttemptsSkipOverdueRetries(_ retry: Int, _ passed: Int, _ next: Int, _ second: Int) throws {
    let schedule = RetrySchedule(window: .seconds(63))
    let found = schedule.next(
      after: retry, since: Self.beginning, now: Self.beginning + .seconds(passed))
    #expect(found?.retry == next && found?.due == Self.beginning + .seconds(second))
  }

  @Test(arguments: [(6, 63), (0, 64), (5, 70)])
  func noRetriesAfterWindow(_ retry: Int, _ passed: Int) {
    let now = Self.beginning + .seconds(passed)
    #expect(RetrySchedule(window: .seconds(63)).next(after: retry, since: Self.beginning, now: now) == nil)
    #expect(RetrySchedule(window: .zero).next(after: 0, since: Self.beginning, now: Self.beginning) == nil)
  }

  @Test(arguments: [
    (AttemptOutcome.answered(200), AttemptOutcome.Disposition.acknowledged), (.answered(204), .acknowledged),
    (.answered(301), .abandoned), (.answered(400), .retry), (.answered(429), .retry),
    (.answered(503), .retry), (.unreachable, .retry),
  ])
  func statusDecidesRetry(_ outcome: AttemptOutcome, _ meaning: AttemptOutcome.Disposition) {
    #expect(outcome.disposition == meaning)
  }

  // MARK: - Faults

  private func faults(seed: UInt64 = 7, _ probabilities: Faults.Probabilities) -> Faults {
    Faults(probabilities: probabilities, seed: seed)
  }

  @Test func zeroProbabilitiesInjectNoFaults() {
    let faults = faults(Faults.Probabilities())
    for ordinal in 1...500 {
      #expect(faults.delays(ofWebhook: 0, ofPrediction: ordinal, remaining: .seconds(1)) == [.zero])
      #expect(faults.failure(ofRequest: ordinal) == nil)
    }
  }

  @Test func sameSeedInjectsSameFaults() {
    let probabilities = Faults.Probabilities(losing: 0.2, duplicating: 0.3, reordering: 0.4, failing: 0.2)
    func all(_ seed: UInt64) -> [[Duration]] {
      (1...200).flatMap { ordinal in
        (0..<4).map { index in
          faults(seed: seed, probabilities).delays(
            ofWebhook: index, ofPrediction: ordinal, remaining: .seconds(2))
        }
      }
    }
    #expect(all(1) == all(1))
    #expect(all(1) != all(2))
  }

  @Test func faultRatesMatchProbabilities() {
    let probabilities = Faults.Probabilities(losing: 0.2, duplicating: 0.3, reordering: 0.4, failing: 0.1)
    let faults = faults(probabilities)
    let delays = (1...10_000).map { faults.delays(ofWebhook: 3, ofPrediction: $0, remaining: .seconds(2)) }
    let sent = delays.filter { !$0.isEmpty }
    #expect((7_800...8_200).contains(sent.count))
    let part = Double(sent.count)
    #expect((0.28...0.32).contains(Double(sent.count { $0.count == 2 }) / part))
    #expect((0.38...0.42).contains(Double(sent.count { $0[0] > .zero }) / part))
    let failures = (1...10_000).compactMap { faults.failure(ofRequest: $0) }
    #expect((900...1_100).contains(failures.count))
    #expect((400...600).contains(failures.count { $0.isBefore }))
  }

  // MARK: - Records

  @Test func recordCountsAcknowledgedLostAndFailed() {
    var record = WebhookRecord()
    record.plan(.start, copies: 0)
    record.plan(.logs, copies: 1)
    record.plan(.output, copies: 2)
    record.plan(.completed, copies: 1)
    #expect(record.completedState == .pending && record.pending == 3 && !record.isSettled)
    record.abandon(1)
    record.acknowledge(2)
    #expect(!record.isSettled)
    record.abandon(2)
    record.acknowledge(3)
    #expect(record.isSettled && record.completedState == .acknowledged)
    #expect(record.planned == 4 && record.acknowledged == 2 && record.pending == 0)
    #expect(record.lost == 1 && record.failed == 1)
  }
}
