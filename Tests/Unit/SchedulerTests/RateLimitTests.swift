import EventLoop
import Jobs
import Replicate
@testable import Scheduler
import Simulation
import Testing
@testable import Time

/// The limits of calls to the provider.
@Suite struct RateLimitTests {
  /// Any call that creates nothing.
  private static let call = ProviderCall.fetchSecret

  private let kernel = SimulatedKernel(seed: 1, faults: .none)

  private func limit(calls: Int = 3, perMinute: Int = 60) -> RateLimit {
    var policy = SchedulerPolicy.test
    (policy.callsPerMinute, policy.creationRate) = (perMinute, CreationRate(perMinute: perMinute))
    return RateLimit(
      maxCalls: calls, policy: policy, now: kernel.monotonicTime, random: KernelRandomness(kernel))
  }

  private var now: MonotonicTime { kernel.monotonicTime }

  @Test func `no more calls start than may be in flight`() {
    let limit = limit(calls: 2, perMinute: 60_000)
    let numbers = (0..<3).map { _ in limit.noteStart(of: Self.call, at: now) }
    #expect(Set(numbers.prefix(2)) == [0, 1] && numbers[2] == nil)
    #expect(limit.available == 0 && !limit.allowsCall(at: now))
    limit.noteEnd(of: 1, nil, at: now)
    #expect(limit.available == 1 && limit.noteStart(of: Self.call, at: now) == 1)
  }

  @Test func `without a token no call may start`() {
    let limit = limit(calls: 0)
    #expect(!limit.allowsCalls && limit.available == 0 && !limit.allowsCall(at: now))
  }

  /// A pause of creates leaves polls and cancels alone. Any other one holds for all.
  @Test(arguments: [true, false])
  func `a pause of the provider holds with its jitter`(_ affectsOnlyCreates: Bool) throws {
    let limit = limit()
    let number = try #require(limit.noteStart(of: Self.call, at: now))
    let pause = ProviderPause(seconds: 10, affectsOnlyCreates: affectsOnlyCreates, reason: .rateLimited)
    limit.noteEnd(of: number, pause, at: now)
    #expect(limit.availableCreates(at: now) == 0 && limit.delayReason(at: now) == .rateLimited)
    #expect(limit.allowsCall(at: now) == affectsOnlyCreates)
    // One second more until a token is there, because the pause drops those saved up.
    let delay = limit.createDelay(at: now)
    #expect(delay >= .milliseconds(11_050) && delay <= .milliseconds(11_500))
    kernel.spend(.seconds(12))
    #expect(limit.availableCreates(at: now) == 1 && limit.allowsCall(at: now))
    #expect(limit.delayReason(at: now) == .throttled)
  }

  @Test func `a search in flight is noted until its end`() throws {
    let limit = limit()
    let number = try #require(limit.noteStart(of: .search([]), at: now))
    let other = try #require(limit.noteStart(of: Self.call, at: now))
    #expect(limit.isSearching)
    limit.noteEnd(of: other, nil, at: now)
    #expect(limit.isSearching)
    limit.noteEnd(of: number, nil, at: now)
    #expect(!limit.isSearching)
  }

  @Test func `a search's further calls delay the next ones`() {
    let limit = limit()
    for _ in 0..<10 { limit.noteCall(at: now) }
    #expect(!limit.allowsCall(at: now) && limit.callDelay(at: now) == .seconds(8))
    #expect(limit.availableCreates(at: now) == 3)
  }

  @Test func `after a rejected token one call at a time may start`() throws {
    let limit = limit()
    let numbers = (0..<2).compactMap { _ in limit.noteStart(of: Self.call, at: now) }
    for number in numbers { limit.noteEnd(of: number, .rejectedToken, at: now) }
    #expect(limit.available == 1 && limit.delayReason(at: now) == .unauthorized)
    kernel.spend(.seconds(70))
    let probe = try #require(limit.noteStart(of: Self.call, at: now))
    #expect(limit.available == 0)
    limit.noteEnd(of: probe, nil, at: now)
    #expect(limit.available == 3 && limit.delayReason(at: now) == .throttled)
  }
}
