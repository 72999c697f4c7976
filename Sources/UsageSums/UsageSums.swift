internal import HTTPWire
package import JobsAPI
package import Ledger
package import Observability
internal import StoreSeam
package import Tables
package import Routing
package import Settings
internal import Time

/// The capability that sums up what has ended, by day and by model.
package struct UsageSums: Capability {
  private let endMetrics = EndMetrics()

  private static let defaultDays: Int64 = 30
  private static let maxDays: Int64 = 366

  package static var tables: [TableDeclaration] { [UsageTable.declaration] }

  package init(from reader: inout SettingsReader) {}

  package var hook: (any TransactionHook)? { UsageHook(metrics: endMetrics) }

  package var metrics: [any MetricFamily] { endMetrics.families }

  package func routes(_ api: APIContext) -> [Route] {
    let views = api.views
    return [
      Route(
        .get, "/usage", name: "usage",
        summary: "Sums what has ended, by day and model or by a member of the metadata.",
        access: api.access.reading
      ) { request async throws(Problem) in try await Self.respond(to: request, views) }
    ]
  }

  private static func respond(
    to request: RoutedRequest<Void>, _ views: JobViews
  ) async throws(Problem) -> Response {
    let query = try QueryParameters(request.head.target, allowing: ["from", "to"] + UsageGroups.parameters)
    let end = try query.day("to") ?? CalendarDay(of: views.now)
    let start = try query.day("from") ?? end.advanced(by: 1 - defaultDays)
    guard start <= end, end.number - start.number < maxDays else {
      throw Problem(
        .badRequest, .invalidParameter,
        "`from` comes before `to`, at most \(maxDays) days with both; "
          + "without them, the last \(defaultDays)")
    }
    if var groups = try UsageGroups(query, on: start...end) {
      try await groups.read(views)
      return .json(groups.document())
    }
    let rows = try await views.read { (reader) throws(StorageError) in
      try await DailyUsage.read(from: reader, on: start.number...end.number)
    }
    return .json(UsageDocument.render(rows, on: start...end))
  }
}
