internal import JobRequests
package import Jobs
package import Routing

/// What a list of jobs includes, from the parameters of a request.
package struct ListQuery {
  package let filter: JobFilter
  package let parts: JobParts

  /// The parameters of a filter and of the rows, beside the metadata's.
  package static let names = ["state", "model", "ended_by", "ids", "include"]
  /// What the names of a member's parameters begin with.
  package static let prefix = "metadata."

  private static let parts: [(name: String, part: JobParts)] = [
    ("input", .input), ("output", .output), ("metrics", .metrics),
  ]

  package init(_ query: QueryParameters) throws(Problem) {
    filter = JobFilter(
      state: try query.choice("state"), model: query["model"], endedBy: try query.choice("ended_by"),
      metadata: try Self.metadata(query), ids: try Self.ids(query))
    parts = try Self.parts(query)
  }

  /// The members of the query, each of which can have been indexed.
  package static func metadata(_ query: QueryParameters) throws(Problem) -> [MetadataMember] {
    var members: [MetadataMember] = []
    for (key, value) in query.prefixed {
      try requireKey(key)
      guard value.utf8.count <= MetadataMembers.maxValueBytes else {
        throw QueryParameters.invalid(
          "`\(prefix)KEY` compares values of at most \(MetadataMembers.maxValueBytes) bytes")
      }
      guard !members.contains(where: { $0.key.utf8.elementsEqual(key.utf8) }) else {
        throw QueryParameters.invalid("`\(prefix)KEY` is given more than once for one key")
      }
      members.append(MetadataMember(key: key, value: value))
    }
    guard members.count <= JobFilter.maxMembers else {
      throw QueryParameters.invalid("`\(prefix)KEY` is given at most \(JobFilter.maxMembers) times")
    }
    return members
  }

  package static func requireKey(_ key: String) throws(Problem) {
    guard (1...MetadataMembers.maxKeyBytes).contains(key.utf8.count) else {
      throw QueryParameters.invalid(
        "the KEY of `\(prefix)KEY` has 1 to \(MetadataMembers.maxKeyBytes) bytes")
    }
  }

  private static func ids(_ query: QueryParameters) throws(Problem) -> [String]? {
    guard let ids = query.list("ids") else { return nil }
    guard ids.count <= JobFilter.maxIDs, ids.allSatisfy({ !$0.isEmpty }) else {
      throw QueryParameters.invalid(
        "`ids` is 1 to \(JobFilter.maxIDs) ids, of jobs or predictions, separated by commas")
    }
    return ids
  }

  private static func parts(_ query: QueryParameters) throws(Problem) -> JobParts {
    var parts: JobParts = []
    for name in query.list("include") ?? [] {
      guard let found = Self.parts.first(where: { $0.name == name }) else {
        throw QueryParameters.invalid(
          "`include` is one or more of \(Self.parts.map(\.name).joined(separator: ", "))")
      }
      parts.insert(found.part)
    }
    return parts
  }
}
