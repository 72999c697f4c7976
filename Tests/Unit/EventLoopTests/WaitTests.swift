import EventLoop
import Simulation
import Synchronization
import System
import Testing
@testable import Time

/// Waits on an always ready socket, whose peer never stops sending.
@Suite struct WaitTests {
  private func withReadySocket(
    _ body: @escaping @Sendable (EventLoop, borrowing Socket) async -> Void, turns: Int
  ) throws {
    let kernel = SimulatedKernel(seed: 1, faults: .none)
    let loop = EventLoop(kernel: kernel)
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 80), mode: nil, backlog: 8).descriptor
    try kernel.watch(listener, token: .max - 1)
    kernel.send([1], from: kernel.connect())
    guard case .accepted(let descriptor, _) = kernel.accept(from: listener) else {
      Issue.record("nobody has connected")
      return
    }
    loop.start {
      guard let socket = try? Socket(adopting: descriptor, on: loop) else { return }
      await body(loop, socket)
    }
    for _ in 0..<turns { loop.turn(waits: false) }
  }

  @Test func aSatisfiedWaitEndsInTheNextTurn() throws {
    let waits = Mutex(0)
    try withReadySocket(
      { loop, socket in
        for _ in 0..<1000 {
          guard await socket.readable(until: loop.now + .seconds(1)) == .ready else { return }
          waits.withLock { $0 += 1 }
        }
      }, turns: 20)
    #expect((15...20).contains(waits.withLock { $0 }))
  }

  @Test func aSatisfiedWaitThatBeginsAfterItsDeadlineEndsWithIt() throws {
    let outcomes = Mutex<[WaitOutcome]>([])
    try withReadySocket(
      { loop, socket in
        for deadline in [loop.now, loop.now + .seconds(1)] {
          let outcome = await socket.readable(until: deadline)
          outcomes.withLock { $0.append(outcome) }
        }
      }, turns: 5)
    #expect(outcomes.withLock { $0 } == [.deadline, .ready])
  }
}

/// Sleeps that others end.
@Suite struct WakeableTimerTests {
  private let kernel = SimulatedKernel(seed: 1, faults: .none)
  private let loop: EventLoop

  init() {
    loop = EventLoop(kernel: kernel)
  }

  /// Runs `operation` to its end, and returns how long it took on the loop's clock.
  private func time(_ operation: @escaping @Sendable () async -> Void) -> Duration? {
    let begin = kernel.monotonicTime
    let end = OneShot<MonotonicTime>()
    loop.start { [loop] in
      await operation()
      end.set(loop.kernel.monotonicTime)
    }
    for _ in 0..<100 where end.current == nil { loop.turn() }
    return end.current.map { $0 - begin }
  }

  @Test func `a sleep ends at its deadline or when it is woken`() {
    let timer = WakeableTimer(loop: loop)
    let begin = kernel.monotonicTime
    #expect(time { await timer.sleep(until: begin + .seconds(9)) } == .seconds(9))
    kernel.after(.seconds(4)) { timer.wake() }
    #expect(time { await timer.sleep(until: begin + .seconds(99)) } == .seconds(4))
  }

  @Test func `a wake-up before the sleep ends it and many count once`() {
    let timer = WakeableTimer(loop: loop)
    for _ in 0..<1000 { timer.wake() }
    let begin = kernel.monotonicTime
    #expect(time { await timer.sleep(until: begin + .seconds(9)) } == .zero)
    #expect(time { await timer.sleep(until: begin + .seconds(9)) } == .seconds(9))
  }

  @Test func `wake-ups of other threads are not lost`() throws {
    let loop = EventLoop(kernel: try LinuxKernel())
    let timer = WakeableTimer(loop: loop)
    let (rounds, turn) = (1000, BlockingQueue<Void>(capacity: 1))
    let waker = try Thread(named: "waker") { for _ in 0..<rounds where turn.popAll() != nil { timer.wake() } }
    let hasEnded = OneShot<Bool>()
    loop.start {
      let limit = MonotonicClock.now + .seconds(30)
      for _ in 0..<rounds {
        _ = turn.push(())
        await timer.sleep(until: limit)
      }
      hasEnded.set(MonotonicClock.now < limit)
      loop.stop()
    }
    loop.run()
    turn.close()
    waker.join()
    #expect(hasEnded.current == true)
  }

  @Test func `a pause ends with its task`() {
    let (outcome, end) = (OneShot<Bool>(), OneShot<MonotonicTime>())
    let task = loop.start { [loop] in
      outcome.set(await loop.pause(for: .seconds(9)))
      end.set(loop.kernel.monotonicTime)
    }
    let begin = kernel.monotonicTime
    kernel.after(.seconds(2)) { task.cancel() }
    for _ in 0..<100 where end.current == nil { loop.turn() }
    #expect(outcome.current == false && end.current == begin + .seconds(2))
    let calm = OneShot<Bool>()
    let calmTime = time { [loop] in calm.set(await loop.pause(for: .seconds(9))) }
    #expect(calmTime == .seconds(9))
    #expect(calm.current == true)
  }
}
