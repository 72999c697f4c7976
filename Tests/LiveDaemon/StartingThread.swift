package import Foundation

/// Starts processes that end when the tests do, however those end. The kernel tells a child that the thread which started it is
/// gone (prctl(2), `PR_SET_PDEATHSIG`), and threads of tests come and go: so one thread starts all of them, and stays.
package enum StartingThread {
  /// Put before a command: becomes that command, and is killed with its parent. After whatever takes privileges in a
  /// namespace, which forgets it.
  package static let killedWithUs = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]

  private static let starts = Guarded<[() -> Void]>([])
  private static let isAsked = DispatchSemaphore(value: 0)
  private static let isRunning: Void = Thread.detachNewThread {
    while true {
      isAsked.wait()
      starts.withLock { $0.removeFirst() }()
    }
  }

  package static func run(_ process: Process) throws {
    isRunning
    let outcome = Guarded(Result<Void, any Error>.success(()))
    let isDone = DispatchSemaphore(value: 0)
    starts.withLock { starts in
      starts.append {
        outcome.withLock { $0 = Result { try process.run() } }
        isDone.signal()
      }
    }
    isAsked.signal()
    isDone.wait()
    try outcome.withLock { try $0.get() }
  }
}
