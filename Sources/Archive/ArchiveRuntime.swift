internal import BlobStores
internal import Downloads
internal import System
internal import Time

/// What the routes and the service of one daemon share.
final class ArchiveRuntime: Sendable {
  let configuration: ArchiveSettings
  let metrics = ArchiveMetrics()

  init(_ configuration: ArchiveSettings) {
    self.configuration = configuration
  }
}
