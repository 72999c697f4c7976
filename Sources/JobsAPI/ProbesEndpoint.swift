package import GroupCommit
internal import HTTPWire
package import Observability
package import Routing
internal import StoreSeam
package import System

/// The routes for load balancers and monitoring: readiness and metrics.
package final class ProbesEndpoint {
  private let views: JobViews
  private let recorder: Recorder
  private let lifecycle: Lifecycle
  private let metrics: MetricsPage
  private let access: APIAccess

  package init(
    views: JobViews, recorder: Recorder, lifecycle: Lifecycle, metrics: MetricsPage, access: APIAccess
  ) {
    self.views = views
    self.recorder = recorder
    self.lifecycle = lifecycle
    self.metrics = metrics
    self.access = access
  }

  package var routes: [Route] {
    [
      // The probes of a load balancer carry no token, and learn only whether the daemon works.
      Route(
        .get, "/readyz", name: "readyz", summary: "Checks that the store can be read and written.",
        access: .open, respond: readiness),
      Route(
        .get, "/metrics", name: "metrics", summary: "Returns the metrics in Prometheus' text format.",
        access: access.scraping, respond: scrape),
    ]
  }

  private func readiness(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    guard !lifecycle.isDraining else {
      throw Problem(.serviceUnavailable, .draining, "the daemon is stopping")
    }
    try await views.read { (reader) throws(StorageError) in try await reader.ping() }
    guard await recorder.isReady() else {
      throw Problem(.serviceUnavailable, .storeUnavailable, "the store cannot be written")
    }
    return .json(Array(#"{"status":"ready"}"#.utf8))
  }

  private func scrape(_ request: RoutedRequest<Void>) -> Response {
    Response(
      status: .ok, fields: [("Content-Type", MetricsPage.mediaType)],
      body: Array(metrics.text.utf8))
  }
}
