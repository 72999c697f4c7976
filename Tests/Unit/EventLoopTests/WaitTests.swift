import EventLoop
import Simulation
import Synchronization
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
