internal import ChangeFeed
internal import HTTPWire
internal import JobsAPI
internal import Routing
internal import Time

/// A request for `/events`: after which cursor, which jobs, in which form.
struct FeedRequest {
  enum Form {
    case page
    case serverSentEvents
    /// One document in JSON a line (NDJSON).
    case lines
  }

  enum Start: Equatable {
    /// All jobs, in the order of their last changes.
    case beginning
    /// Only later changes.
    case now
    case after(Cursor)
  }

  let form: Form
  let start: Start
  let query: ListQuery
  /// The names and values of the parameters that the query consists of.
  let selection: [String]
  /// The maximum number of rows of a page.
  let limit: Int
  /// How long a page without a row waits for one.
  let wait: Duration?
  /// When the client's access ends; nil where nothing bounds it.
  let end: Timestamp?

  static let maxRows = 500
  static let linesMediaType = "application/x-ndjson"

  init(_ head: RequestHead, until end: Timestamp? = nil) throws(Problem) {
    self.end = end
    form = Self.form(of: head)
    let ofPages = form == .page ? ["limit", "wait"] : []
    let parameters = try QueryParameters(
      head.target, allowing: ["after"] + ListQuery.names + ofPages, prefix: ListQuery.prefix)
    query = try ListQuery(parameters)
    selection = Self.selection(of: head)
    limit = Int(try parameters.number("limit", in: 1...Int64(Self.maxRows)) ?? Int64(Self.maxRows))
    wait = try parameters.wait("wait")
    start = try Self.start(after: Self.lastEventID(of: head, form) ?? parameters["after"])
  }

  /// Whether the response may last, so that the request is served as a stream.
  static func lasts(_ head: RequestHead) -> Bool {
    form(of: head) != .page || head.target.queryParameters?.contains { $0.name == "wait" } == true
  }

  private static func selection(of head: RequestHead) -> [String] {
    let others = ["after", "limit", "wait"]
    return (head.target.queryParameters ?? []).filter { !others.contains($0.name) }.flatMap {
      [$0.name, $0.value]
    }
  }

  private static func form(of head: RequestHead) -> Form {
    for range in head.fields.listMembers("accept") {
      switch range.prefix(while: { $0 != ";" && $0 != " " }) {
      case Substring(ServerSentEvents.mediaType): return .serverSentEvents
      case Substring(linesMediaType): return .lines
      default: continue
      }
    }
    return .page
  }

  /// What a client of events has seen last. It outweighs the URL, which `EventSource` keeps.
  private static func lastEventID(of head: RequestHead, _ form: Form) -> String? {
    guard form == .serverSentEvents, case .one(let id) = head.fields.single("last-event-id"), !id.isEmpty
    else { return nil }
    return id
  }

  private static func start(after text: String?) throws(Problem) -> Start {
    guard let text else { return .beginning }
    if text == "now" { return .now }
    guard let cursor = Cursor(text) else {
      throw Problem(
        .badRequest, .invalidParameter,
        "`after` is a cursor of this API (`next` of a page, the id of an event), or `now`")
    }
    return .after(cursor)
  }
}
