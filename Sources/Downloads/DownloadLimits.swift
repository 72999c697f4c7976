package import HTTPClient

/// The limits of one download.
package struct DownloadLimits: Sendable {
  /// The size of a file.
  package var maxBytes = 1 << 30
  package var maxRedirects = 3
  package var connectTimeout = Duration.seconds(5)
  /// Of one response. The files are not kept much longer by their source.
  package var timeout = Duration.seconds(3600)
  package var minimumRate = MinimumRate(bytesPerSecond: 1024, seconds: 30)

  package init() {}
}
