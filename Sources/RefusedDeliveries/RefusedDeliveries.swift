internal import HTTPServer
internal import HTTPWire
package import JobsAPI
package import RefusedRequests
package import Routing
package import Settings

/// The capability that keeps the last refused deliveries, with their reasons, for operators.
package struct RefusedDeliveries: Capability {
  private let history = RefusalHistory()

  package init(from reader: inout SettingsReader) {}

  package var refusalObserver: (any RefusalObserver)? { history }

  package func routes(_ api: APIContext) -> [Route] {
    [
      Route(
        .get, "/refusals", name: "refusals", summary: "Lists the last refused deliveries, newest first.",
        access: api.access.reading
      ) { [history] request throws(Problem) in
        let query = try QueryParameters(
          request.head.target, allowing: ["code", "limit", "newer_than"])
        let limit = try query.number("limit", in: 1...Int64(RefusalHistory.capacity)) ?? 100
        let id = try query.number("newer_than", in: 0...(.max)) ?? 0
        let (refusals, count) = history.newest(Int(limit), code: try Self.code(query), newerThan: id)
        return .json(RefusalsDocument.render(refusals, count: count))
      }
    ]
  }

  /// Rejects unknown codes, because a misspelt one would show nothing.
  private static func code(_ query: QueryParameters) throws(Problem) -> String? {
    guard let code = query["code"] else { return nil }
    guard ProblemCode(rawValue: code) != nil || ConnectionFailureReason(rawValue: code) != nil else {
      throw QueryParameters.invalid("`code` is a code of a refusal, such as signature_mismatch")
    }
    return code
  }
}
