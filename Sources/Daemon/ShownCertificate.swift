internal import EventLoop
internal import Jobs
internal import Logging
internal import Observability
internal import TLS
internal import Time

/// The certificate that the webhooks listener shows: read at start, on SIGHUP, and twice a day, so that a renewal that
/// tells nobody is noticed and the keys of session tickets do not grow old. Used on the main thread only.
final class ShownCertificate {
  private let files: TLSFiles
  private let metrics: Metrics
  private let logger: Logger
  private(set) var context: TLSContext
  private var loadedAt = MonotonicClock.now

  private static let loadingInterval: Duration = .seconds(12 * 3600)
  /// Days before the end from which a certificate should have been renewed: certificates of 90 days usually are after 60.
  private static let renewalDays: Int64 = 14

  init(files: TLSFiles, metrics: Metrics, logger: Logger) throws(StartError) {
    self.files = files
    self.metrics = metrics
    self.logger = logger
    context = try files.load(now: Self.now)
    announce()
  }

  /// How long until it is to be read again.
  func patience(at now: MonotonicTime) -> Duration {
    loadedAt + Self.loadingInterval - now
  }

  /// The new certificate; nil where it cannot be used, and the old one is shown on.
  func reload() -> TLSContext? {
    loadedAt = MonotonicClock.now
    do throws(StartError) {
      context = try files.load(now: Self.now, replacing: context)
    } catch {
      logger.error(
        "the certificate could not be read again, and the old one is shown on",
        metadata: ["cause": "\(error)"])
      return nil
    }
    announce()
    return context
  }

  private func announce() {
    metrics.certificateExpiry.set(Int(context.notAfter))
    let expiry = Timestamp(milliseconds: context.notAfter * 1000).rfc3339
    logger.notice(
      "certificate", metadata: ["names": "\(context.names.joined(separator: " "))", "expires": "\(expiry)"])
    guard context.notAfter - Self.now < Self.renewalDays * 86_400 else { return }
    logger.warning("the certificate expires soon: renew it, then reload", metadata: ["expires": "\(expiry)"])
  }

  private static var now: Int64 { WallClock.milliseconds / 1000 }
}
