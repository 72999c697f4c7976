import EventLoop
import Simulation
import Synchronization
import Testing
@testable import Time

@Suite struct DeadlineTests {
  /// Sleepers wake in the order of their deadlines, and never early.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func sleepersWakeInOrder(_ seed: UInt64) {
    let kernel = SimulatedKernel(seed: seed)
    let loop = EventLoop(kernel: kernel)
    var random = SeededGenerator(seed: seed)
    let delays = (0..<200).map { _ in Int.random(in: 0..<50_000, using: &random) }
    let woken = Mutex<[Int]>([])
    let start = kernel.monotonicTime
    for delay in delays {
      loop.start {
        _ = await loop.sleep(until: start + .microseconds(delay))
        woken.withLock { $0.append(delay) }
      }
    }
    var turns = 0
    while woken.withLock({ $0.count }) < delays.count, turns < 10_000 {
      loop.turn()
      turns += 1
    }
    #expect(woken.withLock { $0 } == delays.sorted())
    #expect(kernel.monotonicTime == start + .microseconds(delays.max() ?? 0))
  }

  @Test(arguments: [
    (Duration.zero, UInt64(0)), (.seconds(1), 1_000_000_000), (.milliseconds(-5), 0), (.nanoseconds(1), 1),
  ])
  func durationsBecomeNanoseconds(_ duration: Duration, _ nanoseconds: UInt64) {
    #expect(duration.wholeNanoseconds == nanoseconds)
  }

  @Test func aMomentTooFarAwayNeverComes() {
    let moment = MonotonicTime(nanoseconds: .max - 5)
    #expect(moment + .seconds(10) == MonotonicTime(nanoseconds: .max))
    #expect(MonotonicTime(nanoseconds: 5) - MonotonicTime(nanoseconds: 9) == .zero)
  }
}
