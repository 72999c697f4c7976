package import ChangeFeed
package import ClientAddress
package import HTTPServer
internal import HTTPWire
internal import JSONText
internal import Jobs
internal import Observability
package import Routing
internal import EventLoop
internal import Time

/// The responses that show one job: at once, after a wait, or as events.
///
/// Used on its loop only.
package final class JobReads {
  private let views: JobViews
  private let changes: FeedReceiver
  private let metrics: JobsAPIMetrics
  private let limits: TokenStreamLimits
  private var random: KernelRandomness

  /// - Parameter trustedProxies: the proxies whose reports of client addresses are used.
  package init(
    views: JobViews, changes: FeedReceiver, metrics: JobsAPIMetrics, trustedProxies: TrustedProxies
  ) {
    limits = TokenStreamLimits(trustedProxies: trustedProxies)
    self.views = views
    self.changes = changes
    self.metrics = metrics
    random = KernelRandomness(views.loop.kernel)
  }

  /// The job as it is, or 304 if the client has that already.
  private func response(
    to head: RequestHead, _ view: JobView, as reader: JobReader
  ) throws(Problem) -> Response {
    guard !view.tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: [("ETag", view.tag.text)] + reader.fields)
    }
    return Response(
      status: .ok, fields: [("Content-Type", "application/json"), ("ETag", view.tag.text)] + reader.fields,
      body: try views.document(of: view, scope: reader.scope))
  }
}

extension JobReads {
  /// When the reader's access ends; nil where nothing bounds it.
  private func end(for reader: JobReader) -> MonotonicTime? {
    reader.expiry.map { views.deadline(at: $0) }
  }

  /// Takes the places of a stream to the reader, which are free again when they are released.
  package func claimPlaces(
    job id: String, for stream: StreamedRequest, as reader: JobReader
  ) throws(Problem) -> [StreamPlace] {
    reader.scope == .full ? [] : try limits.claim(job: id, for: stream)
  }

  private func observe(
    _ id: String, by stream: StreamedRequest, as reader: JobReader
  ) throws(Problem) -> ObservedJob {
    let places = try claimPlaces(job: id, for: stream, as: reader)
    return ObservedJob(id, views: views, changes: changes, stream: stream, places: places)
  }
}

// MARK: - Waiting

extension JobReads {
  /// The job after a wait.
  ///
  /// A wait ends when the job differs from what the client has: by its `If-None-Match`, else by the first
  /// read. A job that has ended is not waited for, unless the client has it. The shutdown ends every wait.
  ///
  /// - Parameters:
  ///   - wait: nil responds at once.
  package func response<Admitted>(
    to stream: RoutedStream<Admitted>, for id: String, after wait: JobWait?, as reader: JobReader
  ) async throws(StreamFailure) -> StreamedResponse {
    let head = stream.request.head
    let result = try await view(id, after: wait, for: stream.request, as: reader)
    do throws(Problem) {
      return .whole(try response(to: head, try result.get(), as: reader))
    } catch {
      return stream.refuse(reader.refusal(of: error))
    }
  }

  func view(
    _ id: String, after wait: JobWait?, for stream: StreamedRequest, as reader: JobReader
  ) async throws(StreamFailure) -> Result<JobView, Problem> {
    let known = stream.head.fields.all("if-none-match")
    let wanted = views.loop.now + (wait?.duration ?? .zero)
    let deadline = min(wanted, end(for: reader) ?? wanted)
    let job: ObservedJob
    do throws(Problem) { job = try observe(id, by: stream, as: reader) } catch { return .failure(error) }
    var start: Int64?
    // Ends with the wait, if not before.
    while true {
      let view: JobView
      do throws(Problem) {
        view = wait == nil ? try await views.view(id) : try await job.read()
      } catch {
        return .failure(error)
      }
      let change = view.record.change
      guard let wait, !wait.isMet(by: view, known: known, start: start ?? change) else {
        return .success(view)
      }
      start = start ?? change
      guard try await job.wait(after: change, until: deadline) == .signaled else { return .success(view) }
    }
  }
}

extension JobWait {
  /// - Parameters:
  ///   - known: the client's `If-None-Match`.
  ///   - start: the job's change at the first read.
  fileprivate func isMet(by view: JobView, known: [String], start: Int64) -> Bool {
    if isUntilEnd { return view.hasEnded }
    guard known.isEmpty else { return !view.tag.isMatched(byIfNoneMatch: known) }
    return view.hasEnded || view.record.change != start
  }
}

// MARK: - Events

extension JobReads {
  /// The job's states as server-sent events, from the present one to its end.
  ///
  /// A reader that takes little skips states, but never the newest. One that reconnects after the end
  /// receives 204, on which `EventSource` stops.
  package func events<Admitted>(
    to stream: RoutedStream<Admitted>, for id: String, as reader: JobReader
  ) async throws(StreamFailure) -> StreamedResponse {
    let (job, view): (ObservedJob, JobView)
    do throws(Problem) {
      job = try observe(id, by: stream.request, as: reader)
      view = try await job.read()
    } catch {
      return stream.refuse(reader.refusal(of: error))
    }
    let isKnown = stream.request.head.fields.single("last-event-id") == .one(view.eventID)
    guard !isKnown || !view.hasEnded else {
      return .whole(Response(status: .noContent, fields: [("Cache-Control", "no-store")]))
    }
    let change = view.record.change
    if !isKnown { job.present = view }
    return .stream(ResponseHead(status: .ok, fields: ServerSentEvents.fields)) {
      [self] writer throws(StreamFailure) in
      let milliseconds = Int.random(in: ServerSentEvents.retryRange, using: &random)
      try await writer.write(ServerSentEvents.retry(after: milliseconds))
      try await follow(job, as: reader, after: isKnown ? change : nil, to: writer) { _ = stream.refuse($0) }
    }
  }

  /// Writes the states after `change`, until the end, or until the reader's access ends.
  ///
  /// - Parameters:
  ///   - change: the newest one that the client knows.
  ///   - report: receives the failures of reads, which are repeated.
  private func follow(
    _ job: ObservedJob, as reader: JobReader, after change: Int64?, to writer: ResponseWriter,
    report: (Problem) -> Void
  ) async throws(StreamFailure) {
    var written = change ?? -1
    var isDue = change == nil
    var pause = Self.pauses.lowerBound
    let end = end(for: reader)
    // Ends with the job, the peer, the shutdown or the reader's access.
    while true {
      if isDue {
        let step = await nextStep(of: job, as: reader, unless: written, report: report)
        if let event = step.event { try await writer.write(event) }
        if step.isEnd { return }
        if let change = step.change {
          (written, isDue, pause) = (change, false, Self.pauses.lowerBound)
        } else {
          pause = min(pause * 2, Self.pauses.upperBound)
        }
      }
      let deadline = views.loop.now + (isDue ? pause : ServerSentEvents.keepAliveInterval)
      switch try await job.wait(after: written, until: min(deadline, end ?? deadline)) {
      case _ where end.map { $0 <= views.loop.now } == true: return
      case .draining: return
      case .signaled: isDue = true
      case .deadline: try await writer.write(ServerSentEvents.comment)
      }
    }
  }

  /// How long a stream waits after a read that has failed.
  private static let pauses = Duration.seconds(1)...ServerSentEvents.keepAliveInterval

  /// What a stream writes next.
  private struct Step {
    /// Nil where the client knows the state, or it could not be read.
    var event: [UInt8]?
    /// The change that the client knows then; nil where nothing was read.
    var change: Int64?
    var isEnd = false
  }

  /// Reads the newest state, and makes its event.
  ///
  /// Never inlined, like what it calls: a stream keeps the memory of its largest frames.
  @inline(never)
  private func nextStep(
    of job: ObservedJob, as reader: JobReader, unless written: Int64, report: (Problem) -> Void
  ) async -> Step {
    do throws(Problem) {
      let view = if let present = job.takePresent() { present } else { try await job.read() }
      return try step(to: view, as: reader, unless: written)
    } catch {
      return step(after: error, of: job, report: report)
    }
  }

  @inline(never)
  private func step(
    to view: JobView, as reader: JobReader, unless written: Int64
  ) throws(Problem) -> Step {
    let change = view.record.change
    guard change != written else { return Step(change: change) }
    let document = try views.document(of: view, scope: reader.scope)
    metrics.sentEvents.add()
    return Step(
      event: ServerSentEvents.event("job", id: view.eventID, data: document), change: change,
      isEnd: view.hasEnded)
  }

  @inline(never)
  private func step(after problem: Problem, of job: ObservedJob, report: (Problem) -> Void) -> Step {
    guard problem.code != .jobNotFound else {
      var writer = JSONWriter()
      writer.object { $0.member("id", string: job.id) }
      // Without an id it keeps the client's `Last-Event-ID`.
      let event = Array("event: deleted\ndata: ".utf8) + writer.bytes + Array("\n\n".utf8)
      return Step(event: event, isEnd: true)
    }
    report(problem)
    return Step()
  }
}
