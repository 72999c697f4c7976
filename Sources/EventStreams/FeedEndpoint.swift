internal import ChangeFeed
internal import Observability
internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Routing
internal import Time

/// `/events`: pages of the change feed, and streams of it.
final class FeedEndpoint {
  private let api: APIContext
  private var random: KernelRandomness
  private let recent: RecentBatch

  init(_ api: APIContext) {
    self.api = api
    random = KernelRandomness(api.views.loop.kernel)
    recent = RecentBatch(api.changes)
  }

  func page(_ request: RoutedRequest<FeedRequest>) async throws(Problem) -> Response {
    let pages = FeedPages(views: api.views, query: request.admitted.query)
    let start = try await pages.cursor(of: request.admitted.start)
    return try await pages.page(after: start, limit: request.admitted.limit).response
  }

  /// The route of requests whose response may last.
  var stream: Route {
    Route(
      .get, "/events", name: "events", summary: "Streams what changes after a cursor.",
      access: api.access.streaming.parsing(FeedRequest.init(_:until:))
    ) { [self] stream throws(StreamFailure) in
      let pages = FeedPages(views: api.views, query: stream.admitted.query)
      let end = stream.admitted.end.map { api.views.deadline(at: $0) }
      let observer = FeedObserver(api.changes, stream.request, loop: api.views.loop, until: end)
      switch stream.admitted.form {
      case .page: return try await page(for: stream, from: pages, observer)
      case .serverSentEvents: return await events(for: stream, from: pages, observer, isLines: false)
      case .lines: return await events(for: stream, from: pages, observer, isLines: true)
      }
    }
  }

  /// A page that waits for its first row.
  private func page(
    for stream: RoutedStream<FeedRequest>, from pages: FeedPages, _ observer: FeedObserver
  ) async throws(StreamFailure) -> StreamedResponse {
    let loop = api.views.loop
    let deadline = loop.now + (stream.admitted.wait ?? .zero)
    var cursor: Cursor?
    do throws(Problem) { cursor = try await pages.cursor(of: stream.admitted.start) } catch {
      return stream.refuse(error)
    }
    // Ends with a row, or with the wait.
    while true {
      let page: FeedPages.Page
      do throws(Problem) {
        page = try await pages.page(after: cursor, limit: stream.admitted.limit)
      } catch {
        return stream.refuse(error)
      }
      guard page.count == 0, !page.hasMore, let next = page.next else { return .whole(page.response) }
      cursor = next
      guard try await observer.wait(after: next, until: deadline) == .signaled else {
        return .whole(page.response)
      }
    }
  }

  private func events(
    for stream: RoutedStream<FeedRequest>, from pages: FeedPages, _ observer: FeedObserver, isLines: Bool
  ) async -> StreamedResponse {
    let live: LiveFeed
    do throws(Problem) {
      let start = try await pages.cursor(of: stream.admitted.start)
      let form = FeedForm(selection: stream.admitted.selection, isLines: isLines)
      live = LiveFeed(
        pages, recent, observer,
        first: try FeedBatch(try await pages.batch(after: start), from: pages, form), form: form,
        count: { [metrics = api.metrics] in metrics.sentEvents.add($0) },
        report: { _ = stream.refuse($0) })
    } catch {
      return stream.refuse(error)
    }
    var fields = ServerSentEvents.fields
    if isLines { fields[0].value = FeedRequest.linesMediaType }
    return .stream(ResponseHead(status: .ok, fields: fields)) { [self] writer throws(StreamFailure) in
      if !isLines {
        let milliseconds = Int.random(in: ServerSentEvents.retryRange, using: &random)
        try await writer.write(ServerSentEvents.retry(after: milliseconds))
      }
      try await live.run(writer)
    }
  }
}

/// Wakes a stream when anything changes.
final class FeedObserver {
  private let subscription: FeedSubscription
  private let stream: StreamedRequest
  private let loop: EventLoop
  /// When the client's access ends; nil where nothing bounds it.
  private let end: MonotonicTime?

  init(
    _ changes: FeedReceiver, _ stream: StreamedRequest, loop: EventLoop, until end: MonotonicTime?
  ) {
    self.stream = stream
    self.loop = loop
    self.end = end
    subscription = changes.subscribe(to: .all) { stream.signal() }
  }

  /// Waits for a change. The end of the access ends a stream as the shutdown does.
  func wait(after cursor: Cursor, until deadline: MonotonicTime) async throws(StreamFailure) -> StreamWake {
    // Ends with a change, the deadline or the shutdown; other signals are of changes that were read.
    while true {
      let wake = try await stream.wait(until: min(deadline, end ?? deadline))
      if let end, end <= loop.now { return .draining }
      guard wake == .signaled, !subscription.takeChange(after: cursor.number) else { return wake }
    }
  }
}
