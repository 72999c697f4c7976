import EventLoop
import Testing

@testable import Receiver

/// The rules by which the daemon ends, as a table of what happens and what follows.
@Suite struct ShutdownTests {
  private let start = MonotonicTime(nanoseconds: 1)

  @Test func aSignalDrainsAndTheEndOfAllServersIsTheEnd() {
    var shutdown = Shutdown(runningServers: 2, grace: .seconds(10))
    #expect(shutdown.patience(at: start) == nil)
    #expect(shutdown.handle(.signal(.hangUp), at: start) == .nothing)
    #expect(shutdown.handle(.signal(.terminate), at: start) == .drain)
    #expect(shutdown.patience(at: start + .seconds(4)) == .seconds(6))
    #expect(shutdown.handle(.serverEnded(nil), at: start) == .nothing)
    #expect(!shutdown.isOver)
    #expect(shutdown.handle(.serverEnded(nil), at: start) == .nothing)
    #expect(shutdown.isOver && shutdown.isOrderly)
  }

  @Test func theEndOfTheGraceCutsAndThenEnds() {
    var shutdown = Shutdown(runningServers: 1, grace: .seconds(10))
    #expect(shutdown.handle(.signal(.interrupt), at: start) == .drain)
    #expect(shutdown.timePassed(at: start + .seconds(9)) == .nothing)
    #expect(shutdown.timePassed(at: start + .seconds(10)) == .abort)
    #expect(shutdown.timePassed(at: start + .seconds(11)) == .nothing)
    #expect(shutdown.isOver && !shutdown.isOrderly)
  }

  @Test func aSecondSignalCutsAtOnce() {
    var shutdown = Shutdown(runningServers: 1, grace: .seconds(10))
    _ = shutdown.handle(.signal(.terminate), at: start)
    #expect(shutdown.handle(.signal(.terminate), at: start) == .abort)
    #expect(!shutdown.isOrderly)
  }

  @Test func aServerThatFailsTakesTheOthersWithIt() {
    var shutdown = Shutdown(runningServers: 2, grace: .seconds(10))
    #expect(shutdown.handle(.serverEnded(SystemError(call: "accept", number: 22)), at: start) == .drain)
    #expect(!shutdown.isOrderly && !shutdown.isOver)
    _ = shutdown.handle(.serverEnded(nil), at: start)
    #expect(shutdown.isOver)
  }
}
