internal import ChangeFeed
internal import HTTPWire
internal import JSONText
internal import Jobs
internal import JobsAPI
internal import StoreSeam
internal import Routing

/// One change as it is shown: its name, its cursor, and a document.
struct FeedEvent {
  private let name: StaticString
  private let cursor: String
  private let data: [UInt8]

  /// Nil where the entry's job is not among those that the query includes.
  ///
  /// A deletion is always shown, because the job's earlier state is not known any more.
  init?(
    _ entry: FeedEntry, at cursor: Cursor, for query: ListQuery, from views: JobViews,
    adding members: [Int64: [JobMember]]
  ) throws(Problem) {
    if let row = entry.row {
      switch query.match(row.job) {
      case .included:
        (name, data) = ("job", try views.document(of: row, including: query.parts, adding: members))
      case .left: (name, data) = ("left", Self.document(of: entry.id, row.job.state))
      case .excluded: return nil
      }
    } else {
      (name, data) = ("deleted", Self.document(of: entry.id))
    }
    self.cursor = cursor.text
  }

  private static func document(of id: String, _ state: JobState? = nil) -> [UInt8] {
    var writer = JSONWriter(capacity: 128)
    writer.object { object in
      object.member("id", string: id)
      object.member("state", string: state?.rawValue)
    }
    return writer.bytes
  }

  /// The event as a server-sent one.
  var serverSent: [UInt8] { ServerSentEvents.event("\(name)", id: cursor, data: data) }

  /// The event as an object on one line, without the line's end.
  var line: [UInt8] {
    var writer = JSONWriter(capacity: data.count + 96)
    writer.object { object in
      object.member("event", string: "\(name)")
      object.member("cursor", string: cursor)
      object.member("data", raw: data[...])
    }
    var line: [UInt8] = []
    line.append(lineOf: writer.bytes)
    return line
  }
}
