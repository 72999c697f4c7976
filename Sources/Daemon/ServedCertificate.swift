internal import Logging
internal import Observability
internal import TLS
internal import Time

/// The certificate of the webhooks listener, reloaded on SIGHUP and twice a day.
///
/// A renewal without SIGHUP is thus noticed, and the keys of session tickets are rotated. Used on the main
/// thread only.
final class ServedCertificate {
  private let files: TLSFiles
  private let expiryMetric: Gauge
  private let logger: Logger
  private(set) var context: TLSContext
  private var loadedAt = MonotonicClock.now

  private static let reloadInterval: Duration = .seconds(12 * 3600)
  /// The remaining validity below which a warning is logged, in days.
  ///
  /// Certificates valid for 90 days are usually renewed after 60.
  private static let minValidityDays: Int64 = 14

  init(files: TLSFiles, expiryMetric: Gauge, logger: Logger) throws(StartError) {
    self.files = files
    self.expiryMetric = expiryMetric
    self.logger = logger
    context = try files.load(now: Self.now)
    report()
  }

  /// The time to the next reload.
  func timeToReload(at now: MonotonicTime) -> Duration {
    loadedAt + Self.reloadInterval - now
  }

  /// Returns the new context; nil if the files cannot be used, and the old one stays in use.
  func reload() -> TLSContext? {
    loadedAt = MonotonicClock.now
    do throws(StartError) {
      context = try files.load(now: Self.now, replacing: context)
    } catch {
      logger.log(.certificateReloadFailed(cause: error))
      return nil
    }
    report()
    return context
  }

  private func report() {
    expiryMetric.set(Int(context.notAfter))
    let expiry = Timestamp(unixSeconds: context.notAfter).rfc3339
    logger.log(.certificateLoaded(names: context.names, expires: expiry))
    guard context.notAfter - Self.now < Self.minValidityDays * 86_400 else { return }
    logger.log(.certificateExpiresSoon(expires: expiry))
  }

  private static var now: Int64 { WallClock.milliseconds / 1000 }
}
