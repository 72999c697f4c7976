internal import Bytes
internal import HTTPWire
internal import Jobs
internal import JobsAPI
internal import JSONText
internal import StoreSeam
internal import Routing
internal import Time

/// What has ended, summed by the values of one member of the jobs' metadata.
///
/// It is computed from the stored jobs, so it ends where their retention does. Sums that are kept like those
/// of models would grow with every user of an app, and outlive the deletion of that user's data.
struct UsageGroups {
  /// Jobs read by one request, and at a time.
  private static let (maxJobs, maxJobsAtATime) = (100_000, 1000)
  private static let (defaultGroups, maxGroups): (Int64, Int64) = (100, 1000)
  private static let groupPrefix = "metadata."

  static let parameters = ["group_by", "after", "limit"]

  let key: String
  private let days: ClosedRange<CalendarDay>
  private let maxGroups: Int
  private(set) var position: MemberPosition
  private(set) var groups: [(value: String, usage: Usage)] = []
  private var hasMore = true
  private var isFull = false

  init(key: String, days: ClosedRange<CalendarDay>, maxGroups: Int, after position: MemberPosition = .start) {
    self.key = key
    self.days = days
    self.maxGroups = maxGroups
    self.position = position
  }

  /// - Returns: nil unless the request names a member to group by.
  init?(_ query: QueryParameters, on days: ClosedRange<CalendarDay>) throws(Problem) {
    guard let name = query["group_by"] else {
      guard query["after"] == nil, query["limit"] == nil else {
        throw QueryParameters.invalid("`after` and `limit` are for usage with `group_by`")
      }
      return nil
    }
    guard name.hasPrefix(Self.groupPrefix) else {
      throw QueryParameters.invalid("`group_by` is metadata.KEY, a member of the jobs' metadata")
    }
    let key = String(name.dropFirst(Self.groupPrefix.count))
    try ListQuery.requireKey(key)
    self.init(
      key: key, days: days,
      maxGroups: Int(try query.number("limit", in: 1...Self.maxGroups) ?? Self.defaultGroups),
      after: try Self.position(query["after"]))
  }

  /// A position is a job's number and a value, with a dot between them.
  private static func position(_ text: String?) throws(Problem) -> MemberPosition {
    guard let text else { return .start }
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].utf8.allSatisfy(\.isDigit), let number = Int64(parts[0]) else {
      throw QueryParameters.invalid("`after` is the `next` of the previous page")
    }
    return MemberPosition(value: String(parts[1]), number: number)
  }

  /// Whether the page needs no further job.
  var isComplete: Bool { isFull || !hasMore }

  var next: String? { hasMore ? "\(position.number).\(position.value)" : nil }

  /// When the jobs of the days have ended.
  var times: Range<Timestamp> { days.lowerBound.start..<days.upperBound.advanced(by: 1).start }

  /// Reads the jobs of a page. Between its parts the loop does other work.
  mutating func read(_ views: JobViews) async throws(Problem) {
    var count = 0
    while !isComplete, count < Self.maxJobs {
      if count > 0 { await views.pause() }
      let (key, times, position) = (key, times, position)
      let rows = try await views.read { (reader) throws(StorageError) in
        try await reader.jobs(
          withMember: key, after: position, limit: Self.maxJobsAtATime, times: times)
      }
      count += rows.count
      add(rows, isLast: rows.count < Self.maxJobsAtATime)
    }
  }

  /// Adds what has been read. The page ends where it has no room for another value.
  mutating func add(_ rows: [MemberRow], isLast: Bool) {
    for row in rows where !add(row) {
      isFull = true
      return
    }
    hasMore = !isLast
  }

  /// - Returns: false where the page has no room for another value.
  private mutating func add(_ row: MemberRow) -> Bool {
    let (job, value) = (row.job, row.position.value)
    let snapshot = job.snapshot.flatMap { $0.phase?.isTerminal == true ? $0 : nil }
    if times.contains(job.updatedAt), let usage = Usage(ofEnd: job, snapshot: snapshot, count: 1) {
      if groups.last.map({ $0.value.utf8.elementsEqual(value.utf8) }) == true {
        groups[groups.count - 1].usage.add(usage)
      } else {
        guard groups.count < maxGroups else { return false }
        groups.append((value, usage))
      }
    }
    position = row.position
    return true
  }

  func document() -> [UInt8] {
    var writer = JSONWriter(capacity: 256 * groups.count + 256)
    writer.object { object in
      object.member("from", string: days.lowerBound.text)
      object.member("to", string: days.upperBound.text)
      object.member("group_by", string: Self.groupPrefix + key)
      object.member("groups") { list in
        list.array(groups) { element, group in
          element.object { object in
            object.member("value", string: group.value)
            UsageDocument.counts(of: group.usage, in: &object)
          }
        }
      }
      object.member("next", string: next)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}
