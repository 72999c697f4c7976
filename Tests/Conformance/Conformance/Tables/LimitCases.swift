/// Sizes that every server should accept, and that none need accept.
///
/// Exact limits are tested if known.
enum LimitCases {
  private static let tooLong = Rule.refused(400, 413, 414, 431)

  static let table: [ConformanceCase] = [
    .row("target-of-2-MiB", "9112 3", get("GET {get}?{a*2097152} HTTP/1.1"), tooLong),
    .row("field-of-2-MiB", "9110 5.4", get(fields: "A: {b*2097152}"), tooLong),
    .row("name-of-2-MiB", "9110 5.4", get(fields: "{A*2097152}: b"), tooLong),
    .row(
      "method-of-2-MiB", "9112 3", get("{M*2097152} {get} HTTP/1.1"), .refused(400, 405, 413, 414, 431, 501)),
    .row(
      "version-of-2-MiB", "9112 3", get("GET {get} HTTP/1.1{1*2097152}"), .refused(400, 413, 414, 431, 505)),
    .row(
      "30000-fields", "9110 5.4", get(fields: repeated("A: {b*40}", 30_000)), tooLong),
    .row("50-fields", "9110 5.4", get(fields: repeated("A: b", 50)), .found.stricter(.refused(431))),
    .row("body-of-1000", "9110 8.6", post("Content-Length: 1000", body: "{a*1000}"), .accepted),
    .row("body-of-60000", "9110 8.6", post("Content-Length: 60000", body: "{a*60000}"), .accepted),
    .row("chunk-of-60000", "9112 7.1", chunks("EA60\r\n{a*60000}\r\n0\r\n\r\n"), .accepted),
  ]

  /// Each limit exactly, and one more.
  static func exact(_ limits: SiteLimits, for site: Site) -> [ConformanceCase] {
    let query = limits.target - site.main.getTarget.utf8.count - 1
    let section = "GET {get} HTTP/1.1\r\nHost: {host}\r\nA: \r\n\r\n"
    let room = limits.headerSection - Template.expand(section, for: site, at: site.main).count
    let body = limits.body
    let tooLarge = Rule.refused(413)
    let rows: [ConformanceCase] = [
      .row("target-at-limit", "9110 15.5.15", get("GET {get}?{a*\(query)} HTTP/1.1"), .found),
      .row("target-past-limit", "9110 15.5.15", get("GET {get}?{a*\(query + 1)} HTTP/1.1"), .refused(414)),
      .row("section-at-limit", "6585 5", get(fields: "A: {b*\(room)}"), .found),
      .row("section-past-limit", "6585 5", get(fields: "A: {b*\(room + 1)}"), .refused(431)),
      .row("fields-at-limit", "6585 5", get(fields: repeated("A: b", limits.fieldCount - 1)), .found),
      .row("fields-past-limit", "6585 5", get(fields: repeated("A: b", limits.fieldCount)), .refused(431)),
      .row("body-at-limit", "9110 15.5.14", post("Content-Length: \(body)", body: "{a*\(body)}"), .accepted),
      .row("body-past-limit", "9110 15.5.14", post("Content-Length: \(body + 1)"), tooLarge),
      .row(
        "chunk-at-limit", "9110 15.5.14", chunks("\(hex(body))\r\n{a*\(body)}\r\n0\r\n\r\n"), .accepted),
      .row("chunk-past-limit", "9110 15.5.14", chunks("\(hex(body + 1))\r\n"), tooLarge),
      .row(
        "chunks-at-limit", "9110 15.5.14",
        chunks("1\r\na\r\n\(hex(body - 1))\r\n{a*\(body - 1)}\r\n0\r\n\r\n"), .accepted),
      .row("chunks-past-limit", "9110 15.5.14", chunks("1\r\na\r\n\(hex(body))\r\n"), tooLarge),
    ]
    return rows.map { $0.needing(.limits) }
  }

  private static func hex(_ number: Int) -> String { String(number, radix: 16) }

  /// Many lines as one of the lines of a request.
  private static func repeated(_ line: String, _ count: Int) -> String {
    Array(repeating: line, count: count).joined(separator: "\r\n")
  }
}
