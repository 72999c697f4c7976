import EventStreams
import SimulatedAPI
import StoreFixture
import Testing

/// `GET /events` as pages of JSON.
@Suite(.everyStore) struct FeedPageTests {
  private func filled() throws -> SimulatedAPI {
    let api = try SimulatedAPI.withEvents()
    for number in 1...3 { try api.deliver("p\(number)", "processing") }
    try api.deliver("p1", "succeeded")
    return api
  }

  @Test func `each job comes once, in the order of its last change`() throws {
    let api = try filled()
    let page = try api.page()
    #expect(page.summaries == ["job p2 running", "job p3 running", "job p1 succeeded"])
    #expect(!page.hasMore && page.next == page.events.last?.cursor)
    try api.deliver("p2", "failed")
    #expect(try api.page("?after=\(page.next)").summaries == ["job p2 failed"])
  }

  @Test func `a row is that of the list of jobs`() throws {
    let api = try filled()
    let rows = api.send("/jobs?limit=1&state=succeeded").text
    let row = try #require(rows.firstMatch(of: /\{"jobs":\[(\{.*\})\]\}/)).1
    #expect(api.send("/events").text.contains("\"data\":\(row)}"))
  }

  @Test func `a filter and included members are those of the list of jobs`() throws {
    let api = try filled()
    try api.order("mine")
    try api.deliver("p9", "succeeded", output: "[1,\n2]", naming: "mine")
    let page = try api.page("?metadata.user=7&include=output,input")
    #expect(page.summaries == ["job mine succeeded"])
    let text = api.send("/events?metadata.user=7&include=output,input").text
    #expect(text.contains(#""output":[1,2]"#) && text.contains(#""metadata":{"user":7}"#))
    let rows = api.send("/jobs?metadata.user=7&include=output,input").text
    let row = try #require(rows.replacing("\n", with: "").firstMatch(of: /\{"jobs":\[(\{.*\})\]\}/)).1
    #expect(text.contains("\"data\":\(row)}"))
    #expect(try api.page("?metadata.user=8").events.isEmpty)
    #expect(try api.page("?ids=p2,mine").summaries == ["job p2 running", "job mine succeeded"])
  }

  @Test func `pages follow each other without a gap`() throws {
    let api = try filled()
    var (summaries, query, hasMore): ([String], String, Bool) = ([], "?limit=1", true)
    while hasMore {
      let page = try api.page(query)
      summaries += page.summaries
      (query, hasMore) = ("?limit=1&after=\(page.next)", page.hasMore)
    }
    #expect(summaries == ["job p2 running", "job p3 running", "job p1 succeeded"])
  }

  @Test func `a page has at most 500 rows`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.commit((0..<501).map { api.delivery(of: "p\($0)", "processing") })
    let page = try api.page()
    #expect(page.events.count == 500 && page.hasMore)
    let rest = try api.page("?after=\(page.next)")
    #expect(rest.events.count == 1 && !rest.hasMore)
  }

  /// A page that reads many changes and shows none ends all the same.
  @Test func `a rare filter ends a page early`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.commit((0..<6000).map { api.delivery(of: "p\($0)", "processing") })
    try api.deliver("rare", "processing", model: "owner/rare")
    let page = try api.page("?model=owner/rare")
    #expect(page.events.isEmpty && page.hasMore)
    #expect(try api.page("?model=owner/rare&after=\(page.next)").summaries == ["job rare running"])
  }

  @Test func `now begins with later changes`() throws {
    let api = try filled()
    let page = try api.page("?after=now")
    #expect(page.events.isEmpty && !page.hasMore)
    try api.deliver("p3", "canceled")
    #expect(try api.page("?after=\(page.next)").summaries == ["job p3 canceled"])
  }

  @Test func `deletions are shown, also to a filter`() throws {
    let api = try filled()
    let cursor = try api.page().next
    try api.delete("p1")
    #expect(try api.page("?after=\(cursor)").summaries == ["deleted p1"])
    #expect(try api.page("?after=\(cursor)&model=owner/other&state=failed").summaries == ["deleted p1"])
  }

  @Test(arguments: [
    ("pending", "starting", "processing", "left p running"),
    ("running", "processing", "succeeded", "left p succeeded"),
    ("failed", "failed", "processing", nil),
    ("succeeded", "processing", "failed", nil),
    ("running", "starting", "starting", nil),
    ("failed", "processing", "succeeded", "left p succeeded"),
  ])
  func `a job leaves the filter by its state`(
    _ state: String, _ first: String, _ second: String, _ shown: String?
  ) throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p", first)
    let before = try api.page("?state=\(state)")
    try api.deliver("p", second)
    let after = try api.page("?state=\(state)&after=\(before.next)")
    #expect(after.summaries == (shown.map { [$0] } ?? []))
    #expect(try api.page("?model=other/model").events.isEmpty)
  }

  /// An end stays, but for the daemon's own.
  @Test(arguments: [("webhook", ["job p succeeded"]), ("poll", []), ("daemon", [])] as [(String, [String])])
  func `a filter by the end shows the ended jobs`(_ end: String, _ shown: [String]) throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p", "processing")
    let before = try api.page("?ended_by=\(end)")
    #expect(before.events.isEmpty)
    try api.deliver("p", "succeeded")
    // The daemon may have ended it, for all that the feed knows, and the delivery replaced that.
    let expected = end == "daemon" ? ["left p succeeded"] : shown
    #expect(try api.page("?ended_by=\(end)&after=\(before.next)").summaries == expected)
  }

  @Test(arguments: [
    ("x", 400, "invalid_parameter"), ("", 400, "invalid_parameter"), ("5", 400, "invalid_parameter"),
    ("01.EPOCH", 400, "invalid_parameter"), ("1.000000000000", 410, "cursor_expired"),
    ("9223372036854775807.EPOCH", 410, "cursor_expired"),
    ("1.EPOCH.9223372036854775807", 410, "cursor_expired"),
  ])
  func `a cursor of elsewhere is refused`(_ cursor: String, _ status: Int, _ code: String) throws {
    let api = try filled()
    let cursor = cursor.replacing("EPOCH", with: api.epoch)
    for fields in [[], ["Accept: text/event-stream"], ["Accept: application/x-ndjson"]] {
      let response = api.send("/events?after=\(cursor)", fields: fields)
      #expect(response.status == status && response.text.contains("\"code\":\"\(code)\""))
    }
    let waiting = api.send("/events?wait=30s&after=\(cursor)")
    #expect(waiting.status == status && api.openStreams == 0)
  }

  @Test func `a cursor older than the pruned deletions is refused`() throws {
    let api = try filled()
    let cursor = try api.page().next
    try api.commit([api.deletion(of: "p1", keptFor: .seconds(60))])
    // The store keeps the newest tombstone, because it has the number of the last change.
    try api.deliver("p2", "canceled")
    try api.delete("p2")
    api.advance(by: .seconds(120))
    try api.prune()
    let response = api.send("/events?after=\(cursor)")
    #expect(response.status == 410 && response.text.contains("cursor_expired"))
    #expect(try api.page().summaries == ["job p3 running", "deleted p2"])
  }

  @Test(arguments: [
    "limit=0", "limit=501", "state=dancing", "after=now&after=now", "wait=0s", "wait=6m", "x=1",
  ])
  func `an invalid parameter is refused`(_ query: String) throws {
    #expect(try filled().send("/events?\(query)").status == 400)
  }

  @Test(arguments: ["wait=1s", "limit=5"]) func `a stream has no pages`(_ query: String) throws {
    let response = try filled().send("/events?\(query)", fields: ["Accept: text/event-stream"])
    #expect(response.status == 400)
  }
}

/// `GET /events?wait=…`.
@Suite(.everyStore) struct WaitingPageTests {
  @Test func `a page waits for its first row`() throws {
    let api = try SimulatedAPI.withEvents()
    let waiting = api.send("/events?wait=30s&after=now&model=owner/model")
    try api.deliver("other", "processing", model: "owner/other")
    #expect(waiting.status == nil && api.openStreams == 1)
    try api.deliver("p1", "processing")
    #expect(try FeedPage(waiting).summaries == ["job p1 running"])
    #expect(api.openStreams == 0)
  }

  @Test func `a page with rows is answered at once`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    #expect(try api.page("?wait=30s").events.count == 1)
  }

  /// So a consumer that sees few rows does not fall behind.
  @Test func `after the wait an empty page has the newest cursor`() throws {
    let api = try SimulatedAPI.withEvents()
    let waiting = api.send("/events?wait=10s&after=now&model=owner/model")
    try api.deliver("other", "processing", model: "owner/other")
    api.advance(by: .seconds(11))
    let page = try FeedPage(waiting)
    #expect(try page.events.isEmpty && page.next == api.cursor(of: "other"))
  }

  @Test func `the shutdown ends the wait`() throws {
    let api = try SimulatedAPI.withEvents()
    let waiting = api.send("/events?wait=5m")
    api.drain()
    #expect(try FeedPage(waiting).events.isEmpty)
  }
}
