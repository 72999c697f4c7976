/// The jobs that a list includes: those that meet every condition.
package struct JobFilter: Equatable, Sendable {
  package var state: JobState?
  package var model: String?
  package var endedBy: EndSource?
  /// Members that the metadata of a job has, at most ``maxMembers``.
  package var metadata: [MetadataMember]
  /// Jobs with one of these ids, their own or their predictions', at most ``maxIDs``. Nil for all jobs.
  package var ids: [String]?
  /// The lowest number of a job. Nil for all jobs.
  package var minNumber: Int64?

  package static let maxMembers = 16
  package static let maxIDs = 100

  package init(
    state: JobState? = nil, model: String? = nil, endedBy: EndSource? = nil, metadata: [MetadataMember] = [],
    ids: [String]? = nil, minNumber: Int64? = nil
  ) {
    self.state = state
    self.model = model
    self.endedBy = endedBy
    self.metadata = metadata
    self.ids = ids
    self.minNumber = minNumber
  }
}

/// The large members that the rows of a list include.
package struct JobParts: OptionSet, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let input = JobParts(rawValue: 1)
  package static let output = JobParts(rawValue: 2)
  package static let metrics = JobParts(rawValue: 4)
}

/// A job as a list shows it.
///
/// A class, because it is large and passed through many functions.
package final class ListedJob: Sendable {
  package let number: Int64
  package let job: Job
  /// The exact text of its metadata. Nil where it has none.
  package let metadata: [UInt8]?
  /// The body of its snapshot. Nil unless one of its parts is included.
  package let body: [UInt8]?
  /// The request of its order, where the body may lack the input that is included.
  package let request: [UInt8]?

  package init(
    number: Int64, job: Job, metadata: [UInt8]? = nil, body: [UInt8]? = nil, request: [UInt8]? = nil
  ) {
    self.number = number
    self.job = job
    self.metadata = metadata
    self.body = body
    self.request = request
  }
}

/// A page of a list, with the cursor of the next page. Nil on the last.
package struct JobPage: Sendable {
  /// The maximum of metadata, bodies and requests in one page, unless its first job has more.
  package static let maxBytes = 8 * 1024 * 1024

  package let rows: [ListedJob]
  package let next: Int64?

  package var jobs: [Job] { rows.map(\.job) }

  package init(rows: [ListedJob], next: Int64?) {
    self.rows = rows
    self.next = next
  }
}

/// A position among the jobs whose metadata has one member: by its value, then by number.
package struct MemberPosition: Equatable, Sendable {
  package let value: String
  package let number: Int64

  package static let start = MemberPosition(value: "", number: 0)

  package init(value: String, number: Int64) {
    self.value = value
    self.number = number
  }
}

/// A job whose metadata has one member.
package struct MemberRow: Sendable {
  package let position: MemberPosition
  package let job: Job

  package init(position: MemberPosition, job: Job) {
    self.position = position
    self.job = job
  }
}
