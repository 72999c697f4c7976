internal import Foundation

/// Starts processes that end when the tests do, however those end.
///
/// The kernel signals a child when the thread that started it ends (prctl(2), `PR_SET_PDEATHSIG`). Threads of
/// tests come and go, so one permanent thread starts all processes.
package enum StartingThread {
  /// A command prefix: the command is killed with its parent.
  ///
  /// It comes after any command that changes privileges in a namespace, which clears the setting.
  package static let killedWithUs = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]

  private static let starts = Guarded<[() -> Void]>([])
  private static let hasWork = DispatchSemaphore(value: 0)
  private static let isRunning: Void = Thread.detachNewThread {
    while true {
      hasWork.wait()
      starts.withLock { $0.removeFirst() }()
    }
  }

  package static func run(_ process: ChildProcess) throws {
    isRunning
    let outcome = Guarded(Result<Void, any Error>.success(()))
    let isDone = DispatchSemaphore(value: 0)
    starts.withLock { starts in
      starts.append {
        outcome.withLock { $0 = Result { try process.run() } }
        isDone.signal()
      }
    }
    hasWork.signal()
    isDone.wait()
    try outcome.withLock { try $0.get() }
  }
}
