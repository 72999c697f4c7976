internal import Logging
internal import Observability
internal import System

/// Reports migrations while the store opens.
///
/// Each has a log line. While any runs, the service manager gives the start more time every few seconds. It
/// would otherwise end the daemon in the middle of a long one, and start it again, for ever.
final class MigrationReport: Sendable {
  private let serviceManager: ServiceManager
  private let logger: Logger
  private let hasEnded = StopSignal()
  private let thread = Lock<Thread?>(nil)

  private static let interval = Duration.seconds(10)
  private static let extensionTime = Duration.seconds(60)
  /// The number of extensions, about a day's: a migration that hangs must not hide for ever.
  private static let maxExtensions = 8640

  init(serviceManager: ServiceManager, logger: Logger) {
    self.serviceManager = serviceManager
    self.logger = logger
  }

  func note(_ migration: String) {
    logger.log(.storeMigrating(migration))
    serviceManager.notify(.starting(nextWithin: Self.extensionTime))
    thread.withLock { thread in
      // Without a thread, the start has its ordinary time.
      if thread == nil { thread = try? extendingThread() }
    }
  }

  private func extendingThread() throws(SystemError) -> Thread {
    let (serviceManager, hasEnded) = (serviceManager, hasEnded)
    return try Thread(named: "migration") {
      for _ in 0..<Self.maxExtensions {
        guard hasEnded.pause(for: Self.interval) else { return }
        serviceManager.notify(.starting(nextWithin: Self.extensionTime))
      }
    }
  }

  /// Call it when the store is open, or has failed to open.
  func end() {
    hasEnded.raise()
    thread.withLock { $0 }?.join()
  }
}
