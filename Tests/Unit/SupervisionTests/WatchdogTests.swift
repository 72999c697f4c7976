import EventLoop
import Logging
@testable import Observability
@testable import Supervision
@testable import System
import Synchronization
import Testing
import Time

/// What the watchdog finds.
@Suite struct WatchdogTests {
  private final class Turns: Sendable {
    let count = Atomic(0)
    let isIdle = Atomic(false)

    var part: WatchedPart {
      WatchedPart(named: "part") { [self] in
        isIdle.load(ordering: .relaxed) ? nil : count.load(ordering: .relaxed)
      }
    }
  }

  @Test func `a part that takes no turn is still, until it takes one`() {
    let (moving, turns) = (Turns(), Turns())
    var watchdog = Watchdog([moving.part, turns.part])
    func check(takingTurn: Bool) -> [String] {
      moving.count.add(1, ordering: .relaxed)
      if takingTurn { turns.count.add(1, ordering: .relaxed) }
      return watchdog.check().map(\.level.rawValue)
    }
    #expect(check(takingTurn: true) == [] && watchdog.isMoving)
    #expect(check(takingTurn: false) == ["error"] && !watchdog.isMoving)
    #expect(check(takingTurn: false) == [] && !watchdog.isMoving)
    #expect(check(takingTurn: true) == ["notice"] && watchdog.isMoving)
    turns.isIdle.store(true, ordering: .relaxed)
    #expect(check(takingTurn: false) == [] && watchdog.isMoving)
  }

  /// The loop's thread waits in something that blocks, as a system call on a hanging disk does.
  @Test func `a loop that is blocked is still`() throws {
    let loop = EventLoop(kernel: try LinuxKernel())
    let thread = try Thread(named: "loop") { loop.run() }
    defer {
      loop.stop()
      thread.join()
    }
    var watchdog = Watchdog([WatchedPart(named: "loop", loop)])
    func settle() {
      let turn = OneShot<Void>()
      loop.post { turn.set(()) }
      turn.wait()
    }
    settle()
    #expect(watchdog.check().isEmpty && watchdog.isMoving)
    settle()
    #expect(watchdog.check().isEmpty && watchdog.isMoving)
    let (isBlocked, end) = (OneShot<Void>(), OneShot<Void>())
    settle()
    loop.post {
      isBlocked.set(())
      end.wait()
    }
    isBlocked.wait()
    // The last prod may have come before; the next one does not.
    _ = watchdog.check()
    #expect(watchdog.check().count == 1 && !watchdog.isMoving)
    end.set(())
    settle()
    #expect(watchdog.check().count == 1 && watchdog.isMoving)
  }

  @Test func `the status has rates, and only what the metrics have`() {
    enum State: String, CaseIterable { case pending, running, succeeded }
    let jobs = LabeledGauge("replicate_webhookd_jobs", help: "", label: "state", values: State.allCases)
    for state in State.allCases { jobs.set(3, for: state) }
    let depth = Gauge("replicate_webhookd_commit_queue_depth", help: "")
    let all = Status(MetricsPage([jobs, depth]), deliveries: 25, in: .seconds(10), isMoving: true)
    #expect(all.text == "2.5 deliveries/s, 6 jobs open, 0 waiting for a commit")
    let none = Status(MetricsPage([]), deliveries: 0, in: .zero, isMoving: false)
    #expect(none.text == "a thread makes no progress; 0.0 deliveries/s")
  }

  @Test(
    arguments: [
      (["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2000000"], Duration.seconds(2)),
      (["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"], nil),
      (["WATCHDOG_USEC": "2000000"], nil), (["NOTIFY_SOCKET": "/n"], nil),
      (["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "0"], nil),
      (["NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "99999999999999999999"], nil),
    ] as [([String: String], Duration?)])
  func `the watchdog runs where the manager waits for this process`(
    _ environment: [String: String], _ timeout: Duration?
  ) {
    #expect(ServiceManager(environment: environment).watchdogTimeout == timeout)
  }
}
