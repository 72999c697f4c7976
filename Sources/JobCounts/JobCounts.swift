internal import HTTPWire
package import JobsAPI
package import Ledger
internal import StoreSeam
package import Observability
package import Routing
package import Settings
package import Tables

/// The capability that counts the stored jobs by state, and their orders by stage.
///
/// The counters change in the transaction that changes a job, so reading them scans no jobs.
package struct JobCounts: Capability {
  private let countsMetrics = CountsMetrics()

  package static var tables: [TableDeclaration] { [CountsTable.declaration] }

  package init(from reader: inout SettingsReader) {}

  package var hook: (any TransactionHook)? { CountsHook() }

  package var metrics: [any MetricFamily] { countsMetrics.families() }

  package func routes(_ api: APIContext) -> [Route] {
    let views = api.views
    return [
      Route(
        .get, "/counts", name: "counts", summary: "Counts the stored jobs by state.",
        access: api.access.reading
      ) { request async throws(Problem) in
        _ = try QueryParameters(request.head.target, allowing: [])
        let counts = try await views.read { (reader) throws(StorageError) in
          try await StateCounts(readFrom: reader)
        }
        return .json(CountsDocument.render(counts))
      }
    ]
  }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    CountsReport(loop: context.loop, reader: try context.openReader(), metrics: countsMetrics)
  }
}
