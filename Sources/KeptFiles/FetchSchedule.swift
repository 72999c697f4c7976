package import Downloads
package import Time

/// When a file is tried again, and when no more.
package enum FetchSchedule {
  /// How long a source keeps a file after the end.
  ///
  /// https://replicate.com/docs/topics/predictions/output-files
  package static let life: Int64 = 3_600_000
  /// The same, counted from when the end was received.
  package static let lifeFromReceipt: Int64 = 55 * 60_000
  /// How much longer a file is tried: sources and caches may keep it longer.
  package static let grace: Int64 = 10 * 60_000
  /// How long after the expiry a job that requires its files may wait for them.
  package static let holdTime: Int64 = 3_600_000

  private static let maxPause: Int64 = 300_000
  private static let maxStorePause: Int64 = 15_000
  private static let maxTries: Int64 = 3

  /// When the source may delete a job's files.
  ///
  /// - Parameters:
  ///   - completed: when the prediction ended, by the provider's clock.
  ///   - received: when the end was recorded here.
  package static func expiry(completed: Timestamp?, received: Timestamp) -> Timestamp {
    guard let completed else { return received.advanced(byMilliseconds: lifeFromReceipt) }
    // A prediction does not end after its end was received.
    return min(completed, received).advanced(byMilliseconds: life)
  }

  /// When the first try of a file is due. The order of these times is that of the expiries.
  package static func firstTry(expiringAt expiry: Timestamp, at now: Timestamp) -> Timestamp {
    min(now, expiry.advanced(byMilliseconds: -life))
  }

  /// 1, 2, 4 … seconds, up to five minutes.
  ///
  /// - Parameters:
  ///   - tries: those that have failed, from 1.
  ///   - jitter: a random number from 0 to 1.
  package static func pause(afterTry tries: Int64, retryAfter: Duration?, jitter: Double) -> Int64 {
    let base = min(maxPause, 1000 << min(max(0, tries - 1), 20))
    let pause = Int64(Double(base) * (0.8 + 0.4 * jitter))
    return max(pause, retryAfter?.wholeMilliseconds ?? 0)
  }

  /// What follows a failed try to fetch a file.
  package enum Next: Equatable {
    case retry(at: Timestamp)
    case failed(ArchiveCode)
  }

  /// - Parameter tries: those that have failed, from 1.
  package static func next(
    after failure: DownloadFailure, tries: Int64, expiry: Timestamp, at now: Timestamp, jitter: Double
  ) -> Next {
    let code = ArchiveCode(failure.code)
    var pause = pause(afterTry: tries, retryAfter: failure.retryAfter, jitter: jitter)
    // Space may be freed at any moment.
    if isStore(failure.code) { pause = min(pause, maxStorePause) }
    let next = now.advanced(byMilliseconds: pause)
    let isLate = now >= expiry
    switch failure.code.finality {
    case .always: return .failed(code)
    case .afterThreeTries where tries >= maxTries: return .failed(code)
    case .afterExpiry where isLate: return .failed(failure.code == .notFound ? .expired : code)
    // The file could not be kept, and not for want of the source's: it is tried while it may be there.
    case .never where isStore(failure.code) && now < expiry.advanced(byMilliseconds: life):
      return .retry(at: next)
    default:
      guard now < expiry.advanced(byMilliseconds: grace) else { return .failed(code) }
      return .retry(at: min(next, max(now, expiry.advanced(byMilliseconds: grace))))
    }
  }

  private static func isStore(_ code: DownloadFailure.Code) -> Bool {
    [.storeFull, .storeDenied, .storeUnreachable].contains(code)
  }
}
