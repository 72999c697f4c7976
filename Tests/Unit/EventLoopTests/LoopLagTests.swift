@testable import EventLoop
import Simulation
import Testing
@testable import Time

@Suite struct LoopLagTests {
  private let kernel = SimulatedKernel(seed: 1)
  private let lag = LoopLag()
  private let loop: EventLoop

  init() {
    loop = EventLoop(kernel: kernel, lag: lag)
  }

  /// Lets the loop compute for `duration` in one turn.
  private func compute(for duration: Duration) {
    loop.start { [loop] in (loop.kernel as? SimulatedKernel)?.spend(duration) }
    repeat { loop.turn(waits: false) } while loop.isBusy
    loop.turn(waits: false)
  }

  @Test func theLongestTurnIsShown() {
    #expect(lag.maximum(at: kernel.monotonicTime) == .zero)
    compute(for: .milliseconds(40))
    compute(for: .milliseconds(3))
    #expect(lag.maximum(at: kernel.monotonicTime) == .milliseconds(40))
  }

  @Test func aTurnThatStillRunsCounts() {
    loop.turn(waits: false)
    let later = kernel.monotonicTime + .seconds(2)
    #expect(lag.maximum(at: later) == .seconds(2))
  }

  @Test func aLateTimerCounts() {
    let start = kernel.monotonicTime
    loop.start { [loop] in _ = await loop.sleep(until: start + .milliseconds(10)) }
    // The process does not run for a while: the kernel returns long after the deadline.
    kernel.after(.milliseconds(5)) { [kernel] in kernel.spend(.milliseconds(105)) }
    for _ in 0..<3 { loop.turn(waits: false) }
    loop.turn()
    #expect(lag.maximum(at: kernel.monotonicTime) == .milliseconds(100))
  }

  @Test func anIdleWaitDoesNotCount() {
    let start = kernel.monotonicTime
    loop.start { [loop] in _ = await loop.sleep(until: start + .seconds(20)) }
    for _ in 0..<3 { loop.turn(waits: false) }
    loop.turn()
    #expect(kernel.monotonicTime == start + .seconds(20))
    #expect(lag.maximum(at: kernel.monotonicTime) == .zero)
  }

  @Test func aStallIsForgottenAfterTwoWindows() {
    compute(for: .milliseconds(40))
    let end = kernel.monotonicTime
    lag.endTurn(at: end)
    #expect(lag.maximum(at: end + .seconds(34)) == .milliseconds(40))
    #expect(lag.maximum(at: end + .seconds(69)) == .zero)
  }
}
