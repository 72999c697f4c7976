internal import ChangeFeed
internal import Crypto
internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Routing
internal import StoreSeam
internal import Time
internal import WorkflowRecords
internal import WorkflowRules

/// The states of one workflow as server-sent events, from the present one to its end.
final class WorkflowStreams {
  private let api: APIContext
  private let reads: WorkflowReads
  private var random: KernelRandomness

  /// How long a stream waits after a read that has failed.
  private static let pauses = Duration.seconds(1)...ServerSentEvents.keepAliveInterval

  init(_ api: APIContext, _ reads: WorkflowReads) {
    (self.api, self.reads) = (api, reads)
    random = KernelRandomness(api.views.loop.kernel)
  }

  /// A client that reconnects after the end receives 204, on which `EventSource` stops.
  func respond(to stream: RoutedStream<Timestamp?>) async throws(StreamFailure) -> StreamedResponse {
    let id = stream.path["id"]
    let record: WorkflowRecord
    do throws(Problem) {
      _ = try QueryParameters(stream.request.head.target, allowing: [])
      record = try await reads.record(id)
    } catch {
      return stream.refuse(error)
    }
    let known = stream.request.head.fields.single("last-event-id")
    guard !record.run.state.isTerminal || known != .one(String(record.run.revision)) else {
      return .whole(Response(status: .noContent, fields: [("Cache-Control", "no-store")]))
    }
    return .stream(ResponseHead(status: .ok, fields: ServerSentEvents.fields)) {
      [self] writer throws(StreamFailure) in
      let milliseconds = Int.random(in: ServerSentEvents.retryRange, using: &random)
      try await writer.write(ServerSentEvents.retry(after: milliseconds))
      try await follow(id, for: stream, to: writer)
    }
  }

  private func follow(
    _ id: String, for stream: RoutedStream<Timestamp?>, to writer: ResponseWriter
  ) async throws(StreamFailure) {
    let views = api.views
    let end = stream.admitted.map { views.deadline(at: $0) }
    var written: [UInt8] = []
    var pause = Self.pauses.lowerBound
    // Ends with the workflow, the peer, the shutdown or the reader's access.
    while true {
      var deadline = views.loop.now + ServerSentEvents.keepAliveInterval
      let start = views.loop.now
      let step = await nextStep(of: id, unless: written, for: stream)
      if let event = step.event { try await writer.write(event) }
      // Progress comes often, and a document may have many outputs: it takes a quarter of the loop at most.
      let cost = views.loop.now - start
      if !step.isEnd, cost > .zero { _ = await views.loop.sleep(until: views.loop.now + cost * 3) }
      if step.isEnd { return }
      if let digest = step.digest {
        (written, pause) = (digest, Self.pauses.lowerBound)
      } else {
        deadline = views.loop.now + pause
        pause = min(pause * 2, Self.pauses.upperBound)
      }
      let wake = try await stream.request.wait(until: min(deadline, end ?? deadline))
      withExtendedLifetime(step.subscriptions) {}
      if let end, end <= views.loop.now { return }
      switch wake {
      case .draining: return
      case .signaled: break
      case .deadline: try await writer.write(ServerSentEvents.comment)
      }
    }
  }

  /// What a stream writes next, and what wakes it then.
  private struct Step {
    var subscriptions: [JobSubscription] = []
    /// Nil where the client knows the state, or it could not be read.
    var event: [UInt8]?
    /// Of the document that the client has then. Nil where nothing was read.
    var digest: [UInt8]?
    var isEnd = false
  }

  private func nextStep(
    of id: String, unless written: [UInt8], for stream: RoutedStream<Timestamp?>
  ) async -> Step {
    var step = Step()
    do throws(Problem) {
      step.subscriptions = try await subscribe(to: id, stream.request)
      // Read after it was subscribed to, so that no later change is missed.
      let record = try await reads.record(id)
      let document = try await reads.document(of: record)
      let digest = SHA256().digest(of: document.span)
      if digest != written {
        step.event = ServerSentEvents.event("workflow", id: String(record.run.revision), data: document)
      }
      (step.digest, step.isEnd) = (digest, record.run.state.isTerminal)
    } catch {
      guard error.code != .workflowNotFound else {
        return Step(event: Array("event: deleted\ndata: {}\n\n".utf8), isEnd: true)
      }
      _ = stream.refuse(error)
    }
    return step
  }

  /// Subscribes to the jobs that run: nothing else moves a workflow but requests, which change jobs too.
  private func subscribe(
    to id: String, _ stream: StreamedRequest
  ) async throws(Problem) -> [JobSubscription] {
    let record = try await reads.record(id)
    var subscriptions: [JobSubscription] = []
    for job in record.openJobs {
      let row = try await api.views.read { (reader) throws(StorageError) in
        try await reader.workflowJob(job.text)
      }
      guard let row else { continue }
      subscriptions.append(
        JobSubscription(api.changes.subscribe(to: .job(row.number)) { [stream] in stream.signal() }))
    }
    return subscriptions
  }
}

/// One of several subscriptions, which end together.
private final class JobSubscription {
  private let subscription: FeedSubscription

  init(_ subscription: consuming FeedSubscription) { self.subscription = subscription }
}
