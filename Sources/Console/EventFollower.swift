internal import Bytes
internal import HTTPClient
internal import HTTPWire
internal import System

/// Reads the changes of a running daemon in their order, also across its restarts.
///
/// Its client is to end a call where SIGINT is pending, which the caller has blocked.
package struct EventFollower {
  private let client: JobsAPIClient
  private let parameters: [(name: String, value: String?)]
  private let waits: Bool
  private let restart: String?
  private var hasAnswered = false
  private var isMissed = false
  /// The cursor after what was returned last; nil for the beginning.
  package private(set) var cursor: String?

  /// How long one request waits for a change.
  private static let waitSeconds = 20
  /// Between two attempts to reach a daemon that has answered before.
  private static let retryInterval = Duration.seconds(1)

  package enum Step {
    /// Objects with `event`, `cursor` and `data`. Empty where nothing has changed for a while.
    case events([JSONDocument])
    /// There are no more, and the follower does not wait for later ones.
    case end
    case interrupted
  }

  /// - Parameters:
  ///   - cursor: where to begin: a cursor, `now`, or nil for all jobs.
  ///   - parameters: of the request for `/events`, such as `state`.
  ///   - waits: whether to wait for later changes, without end.
  ///   - restart: where to begin again when the cursor has expired; nil for all jobs.
  package init(
    of client: JobsAPIClient, after cursor: String?, parameters: [(name: String, value: String?)] = [],
    waits: Bool, restart: String? = nil
  ) {
    self.client = client
    self.cursor = cursor
    self.parameters = parameters
    self.waits = waits
    self.restart = restart
  }

  /// Reads the next page.
  ///
  /// A follower that waits reconnects for as long as the daemon does not answer, once it has answered. When
  /// its cursor has expired, it begins again.
  ///
  /// - Throws: ``CommandFailure`` if the daemon rejects the request, or does not answer the first one.
  package mutating func next() throws -> Step {
    // Ends with an answer, a failure or SIGINT.
    while true {
      if let step = try attempt() { return step }
      guard Signals.next(of: [.interrupt], within: Self.retryInterval) == nil else { return .interrupted }
    }
  }

  /// Nil after a failure that is worth another attempt.
  private mutating func attempt() throws -> Step? {
    do throws(CommandFailure) {
      let wait = waits ? "\(Self.waitSeconds)s" : nil
      let answer = try client.send(
        .get, "/events" + PercentEncoding.query(parameters + [("after", cursor), ("wait", wait)]))
      guard answer.status == 200 else { return try recover(from: answer) }
      guard let page = JSONDocument(answer.body), let next = page.text("next") else {
        throw CommandFailure(
          "no jobs API at this address: the response is no page of events. Check --api and API_LISTEN",
          code: .failure)
      }
      (hasAnswered, isMissed, cursor) = (true, false, next)
      let events = page.objects("events")
      return events.isEmpty && !waits && page.text("more") != "true" ? .end : .events(events)
    } catch {
      guard Signals.next(of: [.interrupt], within: .zero) == nil else { return .interrupted }
      guard waits, hasAnswered, error.code == .unavailable else { throw error }
      if !isMissed { Terminal.note("the daemon does not answer: trying again") }
      isMissed = true
      return nil
    }
  }

  private mutating func recover(from answer: HTTPClientResponse) throws(CommandFailure) -> Step? {
    guard answer.status == 410, hasAnswered, waits else {
      let failure = client.failure(of: answer, code: .rejected)
      throw answer.status == 410
        ? failure.adding("Leave out --after to see all jobs, or give `now`.") : failure
    }
    Terminal.note("the cursor has expired: beginning again with \(restart ?? "all jobs")")
    cursor = restart
    return nil
  }
}

extension CommandFailure {
  fileprivate func adding(_ remedy: String) -> CommandFailure {
    CommandFailure("\(description). \(remedy)", code: code)
  }
}
