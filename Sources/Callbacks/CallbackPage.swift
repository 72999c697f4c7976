internal import Bytes
internal import HTTPWire
internal import JobsAPI
internal import Routing
internal import Tables
internal import Time

/// A page of the list of callbacks.
struct CallbackPage {
  typealias Read = (TableQuery) async throws(Problem) -> [CallbackRow]

  private let limit: Int
  private(set) var rows: [CallbackRow] = []
  /// The cursor of the next page. Nil after the last.
  private(set) var next: String?

  init(limit: Int) { self.limit = limit }

  /// Reads those of one job or other subject, the newest first.
  ///
  /// - Parameter cursor: the previous page's ``next``.
  mutating func read(
    ofSubject number: Int64, _ state: CallbackState?, after cursor: String?, _ read: Read
  ) async throws(Problem) {
    var query = TableQuery(CallbackTable.declaration, limit: limit)
    query.isReversed = true
    query.prefix = [.integer(number)]
    if let cursor {
      let values = try CallbackCursor.values(of: cursor, count: 2)
      guard values.starts(with: query.prefix) else { throw CallbackCursor.refusal }
      query.after = [values[1]]
    }
    // Ends with the page, or with the rows of the subject, which no index orders by their states.
    while true {
      let batch = try await read(query)
      rows += batch.filter { state == nil || $0.state == state }
      guard rows.count < limit, batch.count == limit, let last = batch.last else { break }
      query.after = [.integer(last.revision)]
    }
    rows = Array(rows.prefix(limit))
    next = rows.count < limit ? nil : rows.last.map { CallbackCursor.text(of: $0.key) }
  }

  /// Reads those in a state, the last to come into it first; or all, the newest first.
  mutating func read(_ state: CallbackState?, after cursor: String?, _ read: Read) async throws(Problem) {
    var query = TableQuery(CallbackTable.declaration, limit: limit)
    query.isReversed = true
    if let state {
      (query.index, query.prefix) = (CallbackTable.byState, [.text(state.rawValue)])
    } else {
      query.index = CallbackTable.byTime
    }
    if let cursor { query.after = try CallbackCursor.values(of: cursor, count: 3) }
    rows = try await read(query)
    guard rows.count == limit, let last = rows.last else { return }
    next = CallbackCursor.text(
      of: [.integer((state == nil ? last.occurredAt : last.since).milliseconds)] + last.key)
  }
}

/// Where a page of the list ends: the ordering columns of its last row.
enum CallbackCursor {
  static let refusal = Problem(
    .badRequest, .invalidParameter,
    "`after` is the `next` of a page with the same parameters: begin again without it")

  static func text(of values: [RowValue]) -> String {
    values.map { if case .integer(let number) = $0 { String(number) } else { "" } }.joined(separator: ".")
  }

  /// - Parameter count: how many numbers a cursor of this list has.
  static func values(of text: String, count: Int) throws(Problem) -> [RowValue] {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { part in
      part.utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: "-") } ? Int64(part) : nil
    }
    guard parts.count == count, numbers.count == count else { throw refusal }
    return numbers.map { .integer($0) }
  }
}

extension AnnouncedDocuments {
  /// What the subjects are, such as `workflow`: the prefix without its dot.
  var kind: String { String(prefix.prefix { $0 != "." }) }
}
