package import Ledger
package import Routing

/// The parameters of a request that select jobs, the same for each route that lists them.
package struct JobListQuery: Sendable {
  package let filter: JobFilter

  package static let parameters = ["state", "model"]

  package init(_ query: QueryParameters) throws(Problem) {
    filter = JobFilter(state: try query.choice("state"), model: query["model"])
  }
}
