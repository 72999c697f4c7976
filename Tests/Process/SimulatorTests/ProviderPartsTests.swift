import EventLoop
@testable import System
import Testing
import Time

@testable import replicate_simulator

/// The provider's parts: timers, rate limit, queue and sender pool.
@Suite struct ProviderPartsTests {
  private static let beginning = Instant(nanoseconds: 1_700_000_000_000_000_000)

  @Test func timersPopInOrder() {
    var queue = TimerQueue<Instant, Int>()
    let dice = Dice(seed: 5)
    for number in 0..<2000 {
      queue.insert(number, at: Self.beginning + .milliseconds(Int64(dice.roll(.losing, for: number) * 100)))
    }
    var seen: [(due: Instant, number: Int)] = []
    while let due = queue.next, let number = queue.popDue(by: due) { seen.append((due, number)) }
    #expect(seen.count == 2000 && queue.count == 0)
    // Timers with the same due time pop in the order of insertion.
    #expect(zip(seen, seen.dropFirst()).allSatisfy { ($0.due, $0.number) < ($1.due, $1.number) })
  }

  @Test func timerDoesNotPopEarly() {
    var queue = TimerQueue<Instant, Int>()
    queue.insert(1, at: Self.beginning + .seconds(1))
    #expect(queue.popDue(by: Self.beginning) == nil)
    #expect(queue.popDue(by: Self.beginning + .seconds(1)) == 1)
  }

  @Test func burstIsATenthOfTheRate() {
    var bucket = CreateLimit(perMinute: 600, at: Self.beginning)
    let taken = (0..<100).count { _ in bucket.take(at: Self.beginning) == nil }
    #expect(taken == 60)
    #expect(bucket.take(at: Self.beginning) == 1)
    #expect(bucket.take(at: Self.beginning + .milliseconds(100)) == nil)
    #expect(bucket.take(at: Self.beginning + .milliseconds(100)) == 1)
    #expect((0..<100).count { _ in bucket.take(at: Self.beginning + .seconds(3600)) == nil } == 60)
  }

  @Test func lowRateAllowsOneAndReportsWait() {
    var bucket = CreateLimit(perMinute: 6, at: Self.beginning)
    #expect(bucket.take(at: Self.beginning) == nil)
    #expect(bucket.take(at: Self.beginning) == 10)
    #expect(bucket.take(at: Self.beginning + .seconds(4)) == 6)
    #expect(bucket.take(at: Self.beginning + .seconds(10)) == nil)
  }

  /// Fractions of a token accrue, however often `take` is called.
  @Test func frequentCallsDoNotSlowTheRate() {
    var bucket = CreateLimit(perMinute: 600, at: Self.beginning)
    var taken = 0
    for step in 0..<300_000 {
      if bucket.take(at: Self.beginning + .microseconds(step * 33)) == nil { taken += 1 }
    }
    #expect((158...160).contains(taken))
  }

  @Test func fifoKeepsOrder() {
    var fifo = Fifo<Int>()
    var (next, expected) = (0, 0)
    for round in 0..<200 {
      for _ in 0..<(round % 7) {
        fifo.append(next)
        next += 1
      }
      for _ in 0..<(round % 5) {
        if let first = fifo.popFirst() {
          #expect(first == expected)
          expected += 1
        }
      }
    }
    while let first = fifo.popFirst() {
      #expect(first == expected)
      expected += 1
    }
    #expect(expected == next)
  }

  @Test func attemptWaitsForIdleSender() {
    let queues = (0..<2).map { _ in BlockingQueue<WebhookAttempt>(capacity: 1) }
    var senderPool = SenderPool(queues: queues)
    for index in 0..<3 {
      let attempt = WebhookAttempt(
        ordinal: 1, index: index, event: .logs, webhookID: "m", url: "http://a", body: [],
        start: Self.beginning, isCopy: false)
      let isAccepted = senderPool.submit(attempt)
      #expect(isAccepted)
    }
    #expect(queues[1].popAll(timeout: .zero)?.map(\.index) == [0])
    #expect(queues[0].popAll(timeout: .zero)?.map(\.index) == [1])
    #expect(queues[0].popAll(timeout: .zero)?.map(\.index) == [])
    senderPool.markIdle(0)
    #expect(queues[0].popAll(timeout: .zero)?.map(\.index) == [2])
  }

  @Test func fractionsAreTruncated() {
    let instant = Instant(nanoseconds: 1_764_000_000_999_999_999)
    #expect(instant.rfc3339(fractionDigits: 3) == "2025-11-24T16:00:00.999Z")
    #expect(instant.rfc3339(fractionDigits: 9) == "2025-11-24T16:00:00.999999999Z")
    #expect(Duration.nanoseconds(1_500_000_001).secondsText == "1.500000001")
    #expect(Duration.milliseconds(20).secondsText == "0.02")
  }
}
