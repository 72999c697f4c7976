import EventLoop
import Glibc
import Synchronization
import Testing

@Suite struct ThreadTests {
  @Test(arguments: [0, 19] as [Int32])
  func aThreadAloneGivesWayAsItIsTold(_ niceness: Int32) throws {
    let own = Self.niceness
    let found = Atomic<Int32>(-100)
    let thread = try Thread(named: "test", niceness: niceness) {
      found.store(Self.niceness, ordering: .relaxed)
    }
    thread.join()
    #expect(found.load(ordering: .relaxed) == (niceness == 0 ? own : niceness))
    #expect(Self.niceness == own)
  }

  /// Of the calling thread.
  private static var niceness: Int32 { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }
}
