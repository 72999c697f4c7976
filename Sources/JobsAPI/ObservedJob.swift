internal import ChangeFeed
internal import HTTPServer
internal import Jobs
internal import Routing
internal import Time

/// One job as a stream sees it: read, and waited for.
///
/// Used by the stream's task only.
final class ObservedJob {
  let id: String
  private let views: JobViews
  private let changes: FeedReceiver
  private let stream: StreamedRequest
  private var subscription: FeedSubscription?
  /// The number of the job to which the subscription belongs.
  private var number: Int64?
  /// What the stream occupies of its limits.
  private let places: [StreamPlace]
  /// What was read last, until it is taken. An idle stream holds no document.
  var present: JobView?

  init(
    _ id: String, views: JobViews, changes: FeedReceiver, stream: StreamedRequest, places: [StreamPlace] = []
  ) {
    self.id = id
    self.views = views
    self.changes = changes
    self.stream = stream
    self.places = places
  }

  /// Reads the job after it was subscribed to, so that no later change is missed.
  func read() async throws(Problem) -> JobView {
    var view = try await views.view(id)
    // The first read finds the number. A prediction's id may pass to another job meanwhile, once.
    while number != view.record.number {
      subscribe(to: view.record.number)
      view = try await views.view(id)
    }
    return view
  }

  func takePresent() -> JobView? {
    defer { present = nil }
    return present
  }

  private func subscribe(to number: Int64) {
    self.number = number
    subscription = nil
    subscription = changes.subscribe(to: .job(number)) { [stream] in stream.signal() }
  }

  /// Waits for a change after `change`, the deadline, or the shutdown.
  func wait(after change: Int64, until deadline: MonotonicTime) async throws(StreamFailure) -> StreamWake {
    // Ends with one of them; other signals are of changes that were read already.
    while true {
      let wake = try await stream.wait(until: deadline)
      guard wake == .signaled, !hasChanged(since: change) else { return wake }
    }
  }

  private func hasChanged(since change: Int64) -> Bool {
    switch subscription {
    case .some(let subscription): subscription.takeChange(after: change)
    case .none: true
    }
  }
}
