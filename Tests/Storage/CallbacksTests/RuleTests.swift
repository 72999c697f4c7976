@testable import Callbacks
import HTTPClient
import Testing
@testable import Time

/// The pure rules: when to try again, how receivers are spared, what an answer means.
@Suite struct RuleTests {
  private static let start = Timestamp(milliseconds: 1_000_000)

  @Test(
    arguments: [
      (1, 5000), (2, 30_000), (3, 120_000), (4, 600_000), (5, 3_600_000), (6, 10_800_000), (99, 10_800_000),
    ] as [(Int64, Int64)])
  func `each try has its pause`(_ tries: Int64, _ pause: Int64) {
    for jitter in [0, 0.5, 1] {
      let next = RetrySchedule.next(afterTry: tries, at: Self.start, since: Self.start, jitter: jitter)
      #expect(next?.milliseconds == Self.start.milliseconds + pause + Int64(Double(pause) / 5 * jitter))
    }
  }

  @Test(
    arguments: [
      (nil, 5000), (0, 5000), (-9, 5000), (60, 60_000), (86_400, 86_400_000), (999_999_999, 86_400_000),
      (.max, 86_400_000),
    ] as [(Int64?, Int64)])
  func `the receiver may set a longer pause, up to a day`(_ seconds: Int64?, _ pause: Int64) {
    let next = RetrySchedule.next(
      afterTry: 1, at: Self.start, since: Self.start, retryAfter: seconds, jitter: 0)
    #expect(next?.milliseconds == Self.start.milliseconds + pause)
  }

  @Test func `the last try is at the end of the third day`() {
    let end = Self.start.advanced(byMilliseconds: RetrySchedule.span)
    let before = end.advanced(byMilliseconds: -1)
    #expect(RetrySchedule.next(afterTry: 30, at: before, since: Self.start, jitter: 1) == end)
    #expect(RetrySchedule.next(afterTry: 31, at: end, since: Self.start, jitter: 1) == nil)
  }

  // MARK: Receivers

  private static let now = MonotonicTime(nanoseconds: 1_000_000_000)

  private func failing(_ times: Int, at now: MonotonicTime = now) -> ReceiverState {
    var state = ReceiverState()
    for _ in 0..<times {
      state.noteStart()
      _ = state.noteFailure(after: .zero, at: now, jitter: 0)
    }
    return state
  }

  @Test func `tries in flight are bounded`() {
    var state = ReceiverState()
    for count in 0..<ReceiverState.maxInFlight {
      #expect(state.room(at: Self.now) == ReceiverState.maxInFlight - count)
      state.noteStart()
    }
    #expect(state.room(at: Self.now) == 0)
    #expect(state.noteAcceptance(after: .milliseconds(5)) == nil)
    #expect(state.room(at: Self.now) == 1)
  }

  @Test func `a slow receiver has less in flight, and recovers`() {
    var state = ReceiverState()
    for _ in 0..<2 {
      state.noteStart()
      _ = state.noteAcceptance(after: .seconds(10))
    }
    #expect(state.room(at: Self.now) == ReceiverState.maxInFlightIfSlow && !state.isForgettable)
    for _ in 0..<6 {
      state.noteStart()
      _ = state.noteAcceptance(after: .milliseconds(5))
    }
    #expect(state.room(at: Self.now) == ReceiverState.maxInFlight && state.isForgettable)
  }

  @Test func `a receiver that keeps failing is probed after pauses that double`() {
    var state = failing(ReceiverState.maxFailures - 1)
    #expect(!state.isProbed && state.room(at: Self.now) == ReceiverState.maxInFlight)
    var now = Self.now
    for (index, pause) in [5, 10, 20, 40, 80, 160, 300, 300].enumerated() {
      state.noteStart()
      let change = state.noteFailure(after: .zero, at: now, jitter: 0)
      #expect(change == (index == 0 ? .unreachable : nil))
      #expect(state.room(at: now + (.seconds(pause) - .nanoseconds(1))) == 0)
      now = now + .seconds(pause)
      #expect(state.room(at: now) == 1 && state.nextProbe == now)
    }
    state.noteStart()
    #expect(state.room(at: now) == 0 && state.nextProbe == nil)
    #expect(state.noteAcceptance(after: .zero) == .reachable)
    #expect(state.room(at: now) == ReceiverState.maxInFlight)
  }

  @Test func `Retry-After pauses the whole receiver, five minutes at most`() {
    var state = ReceiverState()
    for _ in 0..<2 { state.noteStart() }
    _ = state.noteFailure(after: .zero, at: Self.now, pause: .seconds(9), jitter: 0)
    #expect(state.room(at: Self.now + .seconds(8)) == 0)
    #expect(state.room(at: Self.now + .seconds(9)) == ReceiverState.maxInFlight - 1)
    _ = state.noteFailure(after: .zero, at: Self.now, pause: .seconds(9999), jitter: 0)
    #expect(state.room(at: Self.now + .seconds(299)) == 0 && state.room(at: Self.now + .seconds(300)) > 0)
  }

  @Test func `the states of many receivers are bounded`() {
    var receivers = Receivers()
    for number in 0..<5000 {
      receivers.noteStart("host-\(number)")
      _ = receivers.noteEnd("host-\(number)") { $0.noteFailure(after: .zero, at: Self.now, jitter: 0) }
    }
    #expect(receivers.inFlight == 0 && receivers.room == Receivers.maxInFlight)
    #expect(receivers.count <= 1024)
    receivers.noteStart("good")
    _ = receivers.noteEnd("good") { $0.noteAcceptance(after: .zero) }
    #expect(receivers.count <= 1024)
  }

  // MARK: Answers

  @Test(
    arguments: [
      (200, nil, "accepted"), (204, nil, "accepted"), (299, nil, "accepted"), (302, nil, "refused"),
      (307, "5", "refused"), (400, nil, "refused"), (404, nil, "refused"), (410, nil, "rejected"),
      (429, "7", "refused 7"), (500, nil, "refused"), (503, "120", "refused 120"), (503, "soon", "refused"),
    ] as [(Int, String?, String)])
  func `an answer's status decides`(_ status: Int, _ retryAfter: String?, _ expected: String) {
    let answer = HTTPClientResponse(status: status, retryAfter: retryAfter)
    #expect(Self.text(CallbackMessage.outcome(of: .success(answer))) == expected)
  }

  @Test(
    arguments: [
      (.oversized(status: 200), "accepted"), (.oversized(status: 500), "refused"), (.unsent("x"), "refused"),
      (.unanswered("x"), "refused"),
    ] as [(HTTPClientError, String)])
  func `a call without a whole answer is refused, unless its status was good`(
    _ error: HTTPClientError, _ expected: String
  ) {
    #expect(Self.text(CallbackMessage.outcome(of: .failure(error))) == expected)
  }

  private static func text(_ outcome: CallbackOutcome) -> String {
    switch outcome {
    case .accepted: "accepted"
    case .refused(_, let retryAfter): "refused" + (retryAfter.map { " \($0)" } ?? "")
    case .rejected: "rejected"
    case .unsendable, .obsolete, .abandoned: "none"
    }
  }

  @Test(arguments: [
    ("https://App.example.com/a?token=1", "app.example.com"), ("http://10.0.0.1:3000", "10.0.0.1:3000"),
    ("https://[::1]:8443/x", "[::1]:8443"), ("https://a?b", "a"), ("none", "none"),
  ])
  func `logs and lists show a URL's host and port`(_ url: String, _ name: String) {
    #expect(Receiver.name(ofURL: url) == name)
  }
}
