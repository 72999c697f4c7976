internal import ChangeFeed
internal import Jobs
internal import JSONText
internal import JobsAPI
internal import Ledger

/// One change as it is shown: its name, its cursor, and a document.
struct FeedEvent {
  private let name: StaticString
  private let cursor: String
  private let data: [UInt8]

  /// Nil where the entry's job is not among those that the query includes.
  ///
  /// A deletion is always shown, because the job's earlier state is not known any more.
  init?(_ entry: FeedEntry, at cursor: Cursor, for query: JobListQuery) {
    let match = entry.job.map(query.match)
    var writer = JSONWriter()
    switch (entry.job, match) {
    case (let job?, .included):
      name = "job"
      writer.object { query.row(job, in: &$0) }
    case (let job?, .left):
      name = "left"
      writer.object { object in
        object.member("id", string: job.id)
        object.member("state", string: job.state.rawValue)
      }
    case (nil, _):
      name = "deleted"
      writer.object { $0.member("id", string: entry.id) }
    case (_?, _): return nil
    }
    self.cursor = cursor.text
    data = writer.bytes
  }

  /// Appends the event as a server-sent one.
  func append(to bytes: inout [UInt8]) {
    bytes += ServerSentEvents.event("\(name)", id: cursor, data: data)
  }

  /// Appends the event as an object on one line, without the line's end.
  func append(asLineTo bytes: inout [UInt8]) {
    var writer = JSONWriter(capacity: data.count + 96)
    writer.object { object in
      object.member("event", string: "\(name)")
      object.member("cursor", string: cursor)
      object.member("data", raw: data[...])
    }
    bytes.append(lineOf: writer.bytes)
  }
}
