package import Time

/// Lets a polling command continue through a short outage of the daemon.
///
/// The daemon may be restarting; no update is lost meanwhile.
package struct OutageTolerance {
  package static let maxDuration = Duration.seconds(60)

  private var lastResponse: MonotonicTime?

  package init() {}

  package mutating func noteResponse(at now: MonotonicTime) {
    lastResponse = now
  }

  /// Rethrows unless the daemon is unavailable and answered within ``maxDuration``.
  package func tolerate(_ failure: CommandFailure, at now: MonotonicTime) throws(CommandFailure) {
    guard failure.code == .unavailable, let lastResponse, now - lastResponse < Self.maxDuration else {
      throw failure
    }
  }
}
