internal import Bytes
internal import HTTPWire
internal import JSONText
internal import Jobs
internal import Time

/// The query of `GET /v1/predictions`.
struct ListQuery: Equatable, Sendable {
  enum Cursor: Equatable, Sendable {
    /// The page of predictions created before this ordinal.
    case before(Int)
    /// The page of predictions created after this ordinal.
    case after(Int)
  }

  private(set) var cursor: Cursor?
  private(set) var createdAfter: String?
  private(set) var createdBefore: String?

  init(_ parameters: [(name: String, value: String)]) throws(APIProblem) {
    for (name, value) in parameters {
      switch name {
      case "cursor":
        guard let cursor = Self.cursor(value) else {
          throw .invalid(InvalidInput(field: "cursor", description: "not a cursor of this API"))
        }
        self.cursor = cursor
      case "created_after": createdAfter = try Self.time(name, value)
      case "created_before": createdBefore = try Self.time(name, value)
      default: break
      }
    }
  }

  func contains(_ createdAt: Instant) -> Bool {
    let milliseconds = createdAt.nanoseconds / 1_000_000
    if let time = createdAfter.flatMap(Timestamp.init(rfc3339:)), milliseconds < time.milliseconds {
      return false
    }
    if let time = createdBefore.flatMap(Timestamp.init(rfc3339:)), milliseconds >= time.milliseconds {
      return false
    }
    return true
  }

  /// The query string of another page of the same list.
  func text(_ cursor: Cursor) -> String {
    let position =
      switch cursor {
      case .before(let ordinal): "b\(ordinal)"
      case .after(let ordinal): "a\(ordinal)"
      }
    let filters = [("created_after", createdAfter), ("created_before", createdBefore)].compactMap {
      name, value in
      value.map { "&\(name)=\(PercentEncoding.encode($0))" }
    }
    return "cursor=\(position)" + filters.joined()
  }

  private static func cursor(_ text: String) -> Cursor? {
    guard let ordinal = Int(text.dropFirst()), ordinal > 0 else { return nil }
    switch text.first {
    case "b": return .before(ordinal)
    case "a": return .after(ordinal)
    default: return nil
    }
  }

  private static func time(_ name: String, _ value: String) throws(APIProblem) -> String {
    guard Timestamp(rfc3339: value) != nil else {
      throw .invalid(
        InvalidInput(field: name, description: "must be a date and time as in RFC 3339"))
    }
    return value
  }
}

extension Provider {
  private static let pageSize = 100

  /// A page of the list, newest first.
  func list(_ query: ListQuery, _ kind: RunKind) -> [UInt8] {
    let matching = ordinals.filter {
      entries[$0].map { $0.facts.kind == kind && query.contains($0.lifecycle.createdAt) } ?? false
    }
    let page: ArraySlice<Int>
    switch query.cursor {
    case nil: page = matching.suffix(Self.pageSize)
    case .before(let ordinal):
      page = matching[..<matching.partition(after: ordinal - 1)].suffix(Self.pageSize)
    case .after(let ordinal): page = matching[matching.partition(after: ordinal)...].prefix(Self.pageSize)
    }
    var writer = JSONWriter(capacity: 2048 * page.count + 256)
    writer.object { object in
      object.member(
        "previous",
        orNull: page.last.flatMap { last in
          last == matching.last ? nil : url(query, .after(last), kind)
        })
      object.member(
        "next",
        orNull: page.first.flatMap { first in
          first == matching.first ? nil : url(query, .before(first), kind)
        })
      object.member("results") { writer in
        writer.array(page.reversed()) { writer, ordinal in
          guard let entry = entries[ordinal] else { return }
          document(of: entry.facts, entry.lifecycle)
            .write(to: &writer, showsWebhook: settings.listsWebhooks)
        }
      }
    }
    return writer.bytes
  }

  private func url(_ query: ListQuery, _ cursor: ListQuery.Cursor, _ kind: RunKind) -> String {
    "\(settings.publicURL)/v1/\(kind.rawValue)?\(query.text(cursor))"
  }
}
