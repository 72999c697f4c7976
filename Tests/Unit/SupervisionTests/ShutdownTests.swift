@testable import Supervision
@testable import System
import Testing
@testable import Time

/// The shutdown state machine: events and the actions that follow.
@Suite struct ShutdownTests {
  private let start = MonotonicTime(nanoseconds: 1)

  @Test func aSignalDrainsDeliveriesThenAllThenEnds() {
    var shutdown = Shutdown(runningServers: 2, grace: .seconds(10))
    #expect(shutdown.timeLeft(at: start) == nil)
    #expect(shutdown.handle(.signal(.terminate), at: start) == .drainDeliveries)
    #expect(shutdown.timeLeft(at: start + .seconds(4)) == .seconds(5))
    #expect(shutdown.handle(.serverEnded(ServerEnd()), at: start) == .drainAll)
    #expect(!shutdown.isOver)
    #expect(shutdown.handle(.serverEnded(ServerEnd()), at: start) == .nothing)
    #expect(shutdown.isOver && shutdown.isClean)
  }

  @Test func theEndComesWithinTheGrace() {
    var shutdown = Shutdown(runningServers: 1, grace: .seconds(10))
    #expect(shutdown.handle(.signal(.interrupt), at: start) == .drainDeliveries)
    #expect(shutdown.handleTimeout(at: start + .milliseconds(8999)) == .nothing)
    #expect(shutdown.handleTimeout(at: start + .seconds(9)) == .abort)
    #expect(shutdown.handleTimeout(at: start + .seconds(10)) == .nothing)
    #expect(shutdown.isOver && !shutdown.isClean)
  }

  /// Only cutting a complete request makes an end unclean.
  @Test(arguments: [(0, true), (1, false)])
  func anExpiredGraceIsCleanUnlessACompleteRequestWasCut(_ cut: Int, _ isClean: Bool) {
    var shutdown = Shutdown(runningServers: 1, grace: .seconds(10))
    _ = shutdown.handle(.signal(.terminate), at: start)
    #expect(shutdown.handleTimeout(at: start + .seconds(9)) == .abort)
    #expect(shutdown.handle(.serverEnded(ServerEnd(cutRequests: cut)), at: start + .seconds(9)) == .nothing)
    #expect(shutdown.isOver && shutdown.isClean == isClean)
  }

  @Test func aSecondSignalClosesConnectionsAtOnce() {
    var shutdown = Shutdown(runningServers: 1, grace: .seconds(10))
    _ = shutdown.handle(.signal(.terminate), at: start)
    #expect(shutdown.handle(.signal(.terminate), at: start) == .abort)
    #expect(shutdown.timeLeft(at: start) == .seconds(1))
    #expect(!shutdown.isClean)
  }

  @Test func withoutGraceOpenConnectionsAreClosedAtOnce() {
    var shutdown = Shutdown(runningServers: 1, grace: .zero)
    #expect(shutdown.handle(.signal(.terminate), at: start) == .drainDeliveries)
    #expect(shutdown.handleTimeout(at: start) == .abort)
    #expect(shutdown.timeLeft(at: start) == .milliseconds(100))
  }

  @Test func hangUpReloadsWhileServingAndNothingElse() {
    var shutdown = Shutdown(runningServers: 1, grace: .seconds(10))
    #expect(shutdown.handle(.signal(.hangUp), at: start) == .reload)
    _ = shutdown.handle(.signal(.terminate), at: start)
    #expect(shutdown.handle(.signal(.hangUp), at: start) == .nothing)
  }

  @Test func aFailedServerDrainsTheOthers() {
    var shutdown = Shutdown(runningServers: 2, grace: .seconds(10))
    let failure = ServerEnd(error: SystemError(call: "accept", number: 22))
    #expect(shutdown.handle(.serverEnded(failure), at: start) == .drainAll)
    #expect(!shutdown.isClean && !shutdown.isOver)
    _ = shutdown.handle(.serverEnded(ServerEnd()), at: start)
    #expect(shutdown.isOver)
  }
}
