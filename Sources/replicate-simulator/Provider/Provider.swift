internal import EventLoop
internal import System
internal import Time

/// The simulated provider: one account's predictions, their timers and webhooks.
///
/// An actor on the event loop, which serializes requests, timers and the senders' reports.
actor Provider {
  struct Settings: Sendable {
    var publicURL = ""
    /// The base of the files' URLs, without a trailing slash.
    var outputBase = ""
    /// The time from a prediction's end to the removal of its data.
    var outputLifetime: Duration = .seconds(3600)
    var models = Models.builtIn
    /// The time from an upload to the file's removal, as in recorded traffic.
    var fileLifetime: Duration = .seconds(86_400)
    var downloads = DownloadSigner()
    /// How long a prediction runs, unless model or input override it.
    var duration: Duration = .seconds(2)
    var createsPerMinute = 600
    /// Creations until the credit is used up; nil for unlimited.
    var credit: Int?
    /// When full, the oldest ended predictions are evicted.
    var maxPredictions = 10_000
    /// Whether items of the list show their webhooks.
    var listsWebhooks = false
    var retries = RetrySchedule(window: .seconds(60))
    var faults = Faults(probabilities: Faults.Probabilities(), seed: 0)
    var identifiers = Identifiers(run: 0)
  }

  struct Entry {
    let facts: PredictionFacts
    var lifecycle: PredictionLifecycle
    var throttle: WebhookThrottle
    var record = WebhookRecord()
    /// False if an error replaced the response to its creation.
    var isAnswered = true
    /// The requests for its files, by their numbers in the output.
    var fileRequests: [Int: FileRequests] = [:]
    var waiters: [WaitHandle] = []
  }

  enum Timer: Sendable {
    case lifecycle(ordinal: Int)
    case attempt(WebhookAttempt)
  }

  nonisolated let loop: EventLoop
  let settings: Settings
  let clock: SimulatorClock
  private let console: Console
  var entries: [Int: Entry] = [:]
  /// The ordinals of the entries, ascending.
  private(set) var ordinals: [Int] = []
  /// The number of creations so far.
  private(set) var createdCount = 0
  /// The number of predictions per webhook URL.
  ///
  /// More than one if a client retried a creation that it took as failed.
  private(set) var creationsOfWebhook: [String: Int] = [:]
  var senderPool: SenderPool
  private var ordinalOfID: [String: Int] = [:]
  private var ordinalOfStream: [String: Int] = [:]
  private var ordinalOfOutput: [String: Int] = [:]
  var files = FileStore()
  /// The requests for files without a prediction that have faults.
  var bareFileRequests: [String: Int] = [:]
  let startedAt: Instant
  private var ended = Fifo<Int>()
  private var timers = TimerQueue<Instant, Timer>()
  private var bucket: CreateLimit
  private var requestCounts = (creations: 0, others: 0)
  private let timerWaiter: WaitHandle

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// - Parameter queues: one per sender.
  init(
    settings: Settings, loop: EventLoop, clock: SimulatorClock, queues: [BlockingQueue<WebhookAttempt>],
    console: Console
  ) {
    self.settings = settings
    self.loop = loop
    self.clock = clock
    startedAt = clock.now
    self.console = console
    senderPool = SenderPool(queues: queues)
    bucket = CreateLimit(perMinute: settings.createsPerMinute, at: clock.now)
    timerWaiter = loop.makeWaitHandle()
  }

  /// Timers handled in a row before requests get a turn.
  private static let maxTimersPerTurn = 64

  /// Handles due timers until the event loop stops.
  func run() async {
    // Unbounded: runs as long as the program.
    while true {
      let now = clock.now
      var moved = 0
      while moved < Self.maxTimersPerTurn, let timer = timers.popDue(by: now) {
        moved += 1
        switch timer {
        case .lifecycle(let ordinal): advance(ordinal, to: now)
        case .attempt(let attempt): send(attempt)
        }
      }
      let next = timers.next.map { moved < Self.maxTimersPerTurn ? clock.monotonicTime(of: $0) : loop.now }
      _ = await loop.sleep(timerWaiter, until: next ?? MonotonicTime(nanoseconds: .max))
    }
  }

  private func schedule(_ timer: Timer, at due: Instant) {
    let isFirst = timers.next.map { due < $0 } ?? true
    timers.insert(timer, at: due)
    if isFirst { loop.interrupt(timerWaiter) }
  }
}

// MARK: - Predictions

extension Provider {
  func create(_ request: CreateRequest) throws(APIProblem) -> Int {
    let now = clock.now
    if let seconds = bucket.take(at: now) { throw .throttled(seconds: seconds) }
    if let credit = settings.credit, createdCount >= credit { throw .insufficientCredit }
    try makeRoom()
    createdCount += 1
    let ordinal = createdCount
    var behaviour = settings.models.behaviour(of: request.model, duration: settings.duration)
    request.overrides.apply(to: &behaviour)
    let facts = PredictionFacts(
      ordinal: ordinal, id: settings.identifiers.prediction(ordinal), model: "\(request.model)",
      version: request.version, deployment: request.deployment, input: request.input,
      webhook: request.webhook, webhookEvents: request.webhookEvents, destination: request.destination,
      streamKey: settings.identifiers.stream(ordinal), outputKey: settings.identifiers.output(ordinal))
    let lifecycle = PredictionLifecycle(
      behaviour, createdAt: now, deadline: request.cancelAfter.map { now + $0 })
    let events = request.webhookEvents.map { Set($0) } ?? WebhookEvent.standard
    entries[ordinal] = Entry(
      facts: facts, lifecycle: lifecycle,
      throttle: WebhookThrottle(events: request.webhook == nil ? [] : events))
    ordinals.append(ordinal)
    ordinalOfID[facts.id] = ordinal
    ordinalOfStream[facts.streamKey] = ordinal
    ordinalOfOutput[facts.outputKey] = ordinal
    if let webhook = request.webhook { creationsOfWebhook[webhook, default: 0] += 1 }
    if let due = lifecycle.nextChangeAt { schedule(.lifecycle(ordinal: ordinal), at: due) }
    return ordinal
  }

  /// The ordinal of an id; a route finds only its own kind.
  func ordinal(of id: String, _ kind: RunKind) throws(APIProblem) -> Int {
    guard let ordinal = ordinalOfID[id], entries[ordinal]?.facts.kind == kind else { throw .notFound }
    return ordinal
  }

  func ordinal(ofStream key: String) throws(APIProblem) -> Int {
    guard let ordinal = ordinalOfStream[key] else { throw .notFound }
    return ordinal
  }

  /// The prediction's JSON; empty if it was evicted meanwhile.
  ///
  /// - Parameter asCreated: whether to show the state at creation.
  func document(of ordinal: Int, asCreated: Bool = false) -> [UInt8] {
    guard let entry = entries[ordinal] else { return [] }
    let lifecycle = entry.lifecycle
    let shown =
      asCreated
      ? PredictionLifecycle(lifecycle.behaviour, createdAt: lifecycle.createdAt, deadline: lifecycle.deadline)
      : lifecycle
    return document(of: entry.facts, shown).bytes
  }

  func document(of facts: PredictionFacts, _ lifecycle: PredictionLifecycle) -> PredictionDocument {
    let removedAt = lifecycle.completedAt.map { $0 + settings.outputLifetime }
    return PredictionDocument(
      facts: facts, lifecycle: lifecycle, publicURL: settings.publicURL, outputBase: settings.outputBase,
      isDataRemoved: removedAt.map { $0 <= clock.now } ?? false)
  }

  /// A file of a prediction's output, and when it was made.
  func outputFile(_ key: String, _ name: String) throws(APIProblem) -> (file: OutputFile, madeAt: Instant) {
    guard let entry = entry(ofOutput: key), let madeAt = entry.lifecycle.completedAt,
      let file = document(of: entry.facts, entry.lifecycle).file(named: name)
    else { throw .notFound }
    return (file, madeAt)
  }

  func entry(ofOutput key: String) -> Entry? { ordinalOfOutput[key].flatMap { entries[$0] } }

  nonisolated func url(of ordinal: Int, _ kind: RunKind) -> String {
    "\(settings.publicURL)/v1/\(kind.rawValue)/\(settings.identifiers.prediction(ordinal))"
  }

  /// Cancels a prediction; an ended one keeps its state.
  func cancel(_ ordinal: Int) {
    let now = clock.now
    advance(ordinal, to: now)
    guard let change = entries[ordinal]?.lifecycle.cancel(at: now) else { return }
    publish(change, of: ordinal, at: now)
  }

  /// Waits until the prediction's end or the timeout.
  ///
  /// - Returns: whether it has ended.
  func wait(for ordinal: Int, timeout: Duration) async -> Bool {
    guard let entry = entries[ordinal], !entry.lifecycle.hasEnded else { return true }
    let waiter = loop.makeWaitHandle()
    entries[ordinal]?.waiters.append(waiter)
    _ = await loop.sleep(waiter, until: loop.now + timeout)
    entries[ordinal]?.waiters.removeAll { $0 === waiter }
    return entries[ordinal]?.lifecycle.hasEnded ?? true
  }

  func noteLostResponse(of ordinal: Int) {
    entries[ordinal]?.isAnswered = false
  }

  /// The injected failure of the next request.
  ///
  /// Creations have their own count, so that other requests do not change their faults.
  func nextFailure(ofCreation isCreation: Bool) -> Faults.Failure? {
    if isCreation {
      requestCounts.creations += 1
      return settings.faults.failure(ofRequest: requestCounts.creations)
    }
    requestCounts.others += 1
    return settings.faults.failure(ofRequest: -requestCounts.others)
  }

  private func makeRoom() throws(APIProblem) {
    guard ordinals.count >= settings.maxPredictions else { return }
    guard let oldest = ended.popFirst(), let entry = entries.removeValue(forKey: oldest) else { throw .full }
    ordinalOfID[entry.facts.id] = nil
    ordinalOfStream[entry.facts.streamKey] = nil
    ordinalOfOutput[entry.facts.outputKey] = nil
    if let webhook = entry.facts.webhook, let count = creationsOfWebhook[webhook] {
      creationsOfWebhook[webhook] = count > 1 ? count - 1 : nil
    }
    // Ended predictions are near the front, because most of them are old.
    if let index = ordinals.firstIndex(of: oldest) { ordinals.remove(at: index) }
  }

  /// Applies every due change, and schedules the next.
  private func advance(_ ordinal: Int, to now: Instant) {
    // Bounded by the steps of a lifecycle.
    while let due = entries[ordinal]?.lifecycle.nextChangeAt, due <= now,
      let change = entries[ordinal]?.lifecycle.advance(to: now)
    {
      publish(change, of: ordinal, at: due)
    }
    if let due = entries[ordinal]?.lifecycle.nextChangeAt { schedule(.lifecycle(ordinal: ordinal), at: due) }
  }
}

// MARK: - Webhooks

extension Provider {
  /// Schedules the webhooks of `change`, and wakes waiters at the end.
  private func publish(_ change: PredictionLifecycle.Change, of ordinal: Int, at time: Instant) {
    guard var entry = entries[ordinal] else { return }
    defer { entries[ordinal] = entry }
    if change == .ended {
      ended.append(ordinal)
      for waiter in entry.waiters { loop.interrupt(waiter) }
      console.note("\(entry.facts.id)  \(entry.facts.model)  \(entry.lifecycle.status)")
    }
    guard let url = entry.facts.webhook else { return }
    let events = entry.throttle.events(of: change, at: time)
    guard !events.isEmpty else { return }
    // All events of one change send the same document.
    let body = document(of: entry.facts, entry.lifecycle).bytes
    for event in events {
      let index = entry.record.planned
      let delays = settings.faults.delays(
        ofWebhook: index, ofPrediction: ordinal, remaining: entry.lifecycle.remaining(at: time))
      entry.record.plan(event, copies: delays.count)
      for (copy, delay) in delays.enumerated() {
        let due = time + delay
        let attempt = WebhookAttempt(
          ordinal: ordinal, index: index, event: event,
          webhookID: settings.identifiers.webhook(ordinal, index), url: url, body: body, start: due,
          isCopy: copy > 0)
        schedule(.attempt(attempt), at: due)
      }
    }
  }

  private func send(_ attempt: WebhookAttempt) {
    guard senderPool.submit(attempt) else {
      // The queue is full: treated as a failed connection.
      return settle(attempt, .unreachable)
    }
    entries[attempt.ordinal]?.record.noteAttempt()
  }

  /// Called by the senders.
  func attemptEnded(_ attempt: WebhookAttempt, _ outcome: AttemptOutcome, of sender: Int) {
    senderPool.markIdle(sender)
    settle(attempt, outcome)
  }

  private func settle(_ attempt: WebhookAttempt, _ outcome: AttemptOutcome) {
    switch outcome.disposition {
    case .acknowledged:
      entries[attempt.ordinal]?.record.acknowledge(attempt.index)
    case .retry:
      let now = clock.now
      guard attempt.isRetried,
        let (retry, due) = settings.retries.next(after: attempt.retry, since: attempt.start, now: now)
      else { return abandon(attempt, outcome) }
      var again = attempt
      again.retry = retry
      schedule(.attempt(again), at: due)
    case .abandoned:
      abandon(attempt, outcome)
    }
  }

  private func abandon(_ attempt: WebhookAttempt, _ outcome: AttemptOutcome) {
    entries[attempt.ordinal]?.record.abandon(attempt.index)
    let reason =
      switch outcome {
      case .answered(let status): "answered \(status)"
      case .unreachable: "no response"
      }
    console.note("\(attempt.webhookID)  \(attempt.event.rawValue)  abandoned: \(reason)")
  }
}
