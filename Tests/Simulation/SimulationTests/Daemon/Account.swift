import HTTPClient
import Simulation
import StandardWebhooks
@testable import Time

/// A simulated account at Replicate: its predictions, its API and its webhooks.
///
/// It is a model of the published contract that loses, delays, duplicates, refuses, limits, forgets and lies
/// by its plan. After ``end`` it is honest.
final class Account {
  let plan: ProviderPlan
  private let kernel: SimulatedKernel
  private var random: SeededGenerator
  /// Until when there are faults, in milliseconds after the start.
  private let end: Int
  private let start: Int64
  private(set) var predictions: [RemotePrediction] = []
  /// How often each order was answered 403.
  private(set) var refusals: [Int: Int] = [:]
  /// The orders that were refused for good.
  private(set) var finalRefusals: Set<Int> = []
  /// The create calls of orders that were not paid yet.
  private var unpaidCalls: [Int: Int] = [:]
  private(set) var counts = Counts()
  /// When something last changed, in milliseconds.
  private(set) var changedAt: Int64
  /// The first violation by the daemon that the provider has seen; nil if there is none.
  private(set) var problem: String?
  /// The index of the signing secret.
  private(set) var secret = 0
  /// The number of the order that a call would create, where its input does not have it.
  var identify: ((HTTPClientRequest) -> Int?)?
  /// Checks a create call of an order; returns the rule that it breaks.
  var check: ((_ order: Int, HTTPClientRequest) -> String?)?
  /// How the prediction of an order ends that was created after so many others; nil: at random.
  var planEnd: ((_ order: Int, _ earlier: Int) -> RemotePrediction.Change?)?
  /// Sends an event to the daemon.
  var send: (WebhookEvent) -> Void = { _ in }
  var rules: CreateCallRules
  /// The seconds of the last 429.
  private var requiredPause = 0
  /// The allowed retries of each order.
  var retries: [Int: Int] = [:]

  /// Predictions of these models are refused for good.
  static let refusedModel = "refused/model"
  static let unpaidModel = "unpaid/model"

  /// - Parameters:
  ///   - end: until when there are faults, in milliseconds after the start.
  ///   - maxCreatesPerMinute: the daemon's own limit.
  init(plan: ProviderPlan, kernel: SimulatedKernel, seed: UInt64, end: Int, maxCreatesPerMinute: Int) {
    self.plan = plan
    rules = CreateCallRules(maxPerMinute: maxCreatesPerMinute)
    self.kernel = kernel
    random = SeededGenerator(seed: seed)
    self.end = end
    start = kernel.trueTimeMilliseconds
    changedAt = start
    if let rotation = plan.rotation { kernel.after(.milliseconds(rotation)) { [self] in secret = 1 } }
  }

  /// Milliseconds since the start.
  private var time: Int { Int(kernel.trueTimeMilliseconds - start) }
  private var now: Int64 { kernel.trueTimeMilliseconds }
  private var isFaulty: Bool { time < end }

  func predictions(of order: Int) -> [RemotePrediction] { predictions.filter { $0.order == order } }
  func prediction(_ id: String) -> RemotePrediction? { predictions.first { $0.id == id } }

  private func happens(onceIn times: Int) -> Bool { times > 0 && random.happens(onceIn: times) }
}

// MARK: - Calls

extension Account {
  /// Notes that a backup was restored, which lacks all other orders and later cancel requests.
  ///
  /// An app that sends such an order again creates another prediction.
  func noteRestore(keeping orders: Set<Int>) {
    rules.noteRestore()
    for order in retries.keys where !orders.contains(order) { retries[order] = nil }
  }

  /// Notes that a retry was accepted, perhaps long after the last change here.
  func noteRetry() { changedAt = now }

  /// The order that the call would create; nil for any other call.
  private func created(by request: HTTPClientRequest) -> Int? {
    request.method == .post ? order(in: request) : nil
  }

  /// The result of one call.
  typealias Reply = Result<HTTPClientResponse, HTTPClientError>

  /// Receives a call, and replies once, later or never.
  ///
  /// - Parameter reply: returns whether its client still waited.
  func receive(_ request: HTTPClientRequest, reply: @escaping (Reply) -> Bool) {
    if let order = created(by: request),
      let violation = rules.note(order, at: now) ?? check?(order, request)
    {
      problem = problem ?? violation
    }
    let outage = isFaulty ? plan.outages.first { $0.span.contains(time) }?.kind : nil
    let fault =
      outage == nil && isFaulty && happens(onceIn: plan.faultsOnceIn)
      ? CallFault.allCases.randomElement(using: &random) : nil
    SimulationLog.write(
      now,
      "\(request.method) \(request.url) \(outage.map { "\($0)" } ?? "") \(fault.map { "\($0)" } ?? "")")
    let reply = { [self] (result: Reply) in
      SimulationLog.write(now, "reply to \(request.method) \(request.url): \(Self.summary(of: result))")
      return reply(result)
    }
    if outage == .unreachable || fault == .unsent {
      counts[.unsentCall] += 1
      return after(delay) { _ = reply(.failure(.unsent("refused"))) }
    }
    if fault == .requestLost {
      counts[.lostCall] += 1
      return
    }
    let arrival =
      plan.isSlow && isFaulty && happens(onceIn: 12) ? Int.random(in: 0...50_000, using: &random) : delay
    // A connection may break while its request is still on the way.
    if plan.isSlow && isFaulty && happens(onceIn: 40) {
      after(Int.random(in: 0...arrival, using: &random)) { _ = reply(.failure(.unanswered("reset"))) }
    }
    after(arrival) { [self] in
      guard let response = respond(to: request, outage, fault) else {
        counts[.lostAnswer] += 1
        if fault == .answerLost { after(delay) { _ = reply(.failure(.unanswered("reset"))) } }
        return
      }
      let seconds = response.status == 429 ? requiredPause : 0
      after(delay) { [self] in
        guard reply(.success(response)), seconds > 0, created(by: request) != nil else { return }
        rules.noteThrottling(at: now, seconds: seconds)
      }
    }
  }

  private static func summary(of reply: Reply) -> String {
    switch reply {
    case .success(let response):
      "\(response.status) \(String(decoding: response.body.prefix(300), as: UTF8.self))"
    case .failure(let error): "\(error)"
    }
  }

  /// A short delay in milliseconds. A fast call has its effect before any later call arrives.
  private var delay: Int {
    plan.isSlow ? Int.random(in: 1...200, using: &random) : Int.random(in: 1...3, using: &random)
  }

  private func after(_ milliseconds: Int, _ action: @escaping () -> Void) {
    kernel.after(.milliseconds(milliseconds), action)
  }

  /// Lets the request take effect, and returns the response. Nil if that is lost.
  private func respond(
    to request: HTTPClientRequest, _ outage: ProviderPlan.Outage.Kind?, _ fault: CallFault?
  ) -> HTTPClientResponse? {
    switch outage {
    case .rejectsToken: return problem(401, "Unauthenticated")
    case .forgets: return problem(404, "Not found.")
    case .throttles: return throttled()
    case .proxyPage: return page([200, 404, 403].randomElement(using: &random) ?? 200)
    case .badGateway: return gateway(request, takesEffect: Bool.random(using: &random))
    case .unreachable, nil: break
    }
    switch fault {
    case .answerLost, .answerLate:
      _ = handle(request)
      return nil
    case .truncated:
      let response = handle(request)
      return HTTPClientResponse(status: response.status, body: Array(response.body.dropLast(9)))
    case .page: return page([200, 404].randomElement(using: &random) ?? 200)
    case .gatewayBefore: return gateway(request, takesEffect: false)
    case .gatewayAfter: return gateway(request, takesEffect: true)
    case .explainedBefore: return problem(500, "Internal server error")
    case .explainedAfter:
      _ = handle(request)
      return problem(503, "Service unavailable")
    case .throttled: return throttled()
    case .forbidden:
      if let order = order(in: request) { refusals[order, default: 0] += 1 }
      return problem(403, "Forbidden")
    case .foreign, .outdated: return lie(handle(request), about: request, fault)
    case .unsent, .requestLost, nil: return handle(request)
    }
  }

  private func gateway(_ request: HTTPClientRequest, takesEffect: Bool) -> HTTPClientResponse {
    counts[.gatewayError] += 1
    if takesEffect { _ = handle(request) }
    return HTTPClientResponse(
      status: [502, 504].randomElement(using: &random) ?? 502, body: Array("<html>".utf8))
  }

  private func page(_ status: Int) -> HTTPClientResponse {
    HTTPClientResponse(status: status, body: Array("<html>Please log in</html>".utf8))
  }

  private func throttled() -> HTTPClientResponse {
    counts[.throttledCall] += 1
    let seconds = Int.random(in: 1...20, using: &random)
    requiredPause = seconds
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      return HTTPClientResponse(
        status: 429, retryAfter: "\(seconds)", body: Array(#"{"detail":"slow"}"#.utf8))
    case 1:
      return HTTPClientResponse(
        status: 429, body: Array(#"{"detail":"slow","retry_after":\#(seconds)}"#.utf8))
    default: return problem(429, "Request was throttled. Your rate limit resets in ~\(seconds)s.")
    }
  }

  private func problem(_ status: Int, _ detail: String) -> HTTPClientResponse {
    HTTPClientResponse(status: status, body: Array(#"{"detail":"\#(detail)","status":\#(status)}"#.utf8))
  }

  /// The response with the state of another prediction, or an earlier state.
  private func lie(
    _ response: HTTPClientResponse, about request: HTTPClientRequest, _ fault: CallFault?
  ) -> HTTPClientResponse {
    guard (200..<300).contains(response.status),
      !request.url.hasSuffix("/v1/predictions") || request.method == .post
    else { return response }
    let shown = fault == .outdated ? subject(of: request) : another(than: request)
    guard let shown else { return response }
    let earlier =
      fault == .outdated && !shown.past.isEmpty ? Int.random(in: 0..<shown.past.count, using: &random) : nil
    counts[.lie] += 1
    return HTTPClientResponse(
      status: response.status, body: Array(document(of: shown, earlier: earlier).utf8))
  }

  /// A prediction that the request is not about.
  ///
  /// Only a webhook shows that an answer to a create call is about another one, so it has one then.
  private func another(than request: HTTPClientRequest) -> RemotePrediction? {
    guard request.method == .post, order(in: request) != nil else {
      return predictions.randomElement(using: &random)
    }
    guard !plan.hidesWebhooks else { return nil }
    return predictions.filter { $0.order != nil && $0.webhook != nil }.randomElement(using: &random)
  }

  private func subject(of request: HTTPClientRequest) -> RemotePrediction? {
    if request.method == .post, let order = order(in: request) { return predictions(of: order).last }
    return predictions.first {
      request.url.hasSuffix("/\($0.id)") || request.url.hasSuffix("/\($0.id)/cancel")
    }
  }
}

// MARK: - The API

extension Account {
  private func handle(_ request: HTTPClientRequest) -> HTTPClientResponse {
    let path = request.url.dropFirst("https://api.replicate.com/v1/".utf8.count)
    let parts = path.prefix { $0 != "?" }.split(separator: "/").map(String.init)
    switch (request.method, parts.first, parts.count) {
    case (.get, "webhooks", _):
      return HTTPClientResponse(status: 200, body: Array(#"{"key":"\#(Self.secretTexts[secret])"}"#.utf8))
    case (.get, "predictions", 1): return list(path)
    case (.get, _, 2): return get(parts[1], parts[0])
    case (.post, _, 3) where parts[2] == "cancel": return cancel(parts[1], parts[0])
    case (.post, _, _): return create(request)
    default: return problem(404, "Not found.")
    }
  }

  static let secretTexts = [Signing.secretText, Signing.rotatedSecretText]

  private func find(_ id: String, _ kind: String) -> RemotePrediction? {
    predictions.first { $0.id == id && $0.isTraining == (kind == "trainings") && !$0.isGone }
  }

  private func get(_ id: String, _ kind: String) -> HTTPClientResponse {
    guard let prediction = find(id, kind) else {
      return problem(404, "Not found.")
    }
    return HTTPClientResponse(status: 200, body: Array(document(of: prediction).utf8))
  }

  private func cancel(_ id: String, _ kind: String) -> HTTPClientResponse {
    guard let prediction = find(id, kind) else { return problem(404, "Not found.") }
    counts[.cancelCall] += 1
    change(prediction, .ends(.isCanceled))
    return HTTPClientResponse(status: 200, body: Array(document(of: prediction).utf8))
  }

  private func list(_ path: Substring) -> HTTPClientResponse {
    counts[.listCall] += 1
    let cursor = path.split(separator: "=").last.flatMap { Int($0) } ?? predictions.count
    let visible = predictions.prefix(cursor).filter { $0.createdAt + plan.listLag <= now && !$0.isTraining }
    let page = visible.suffix(plan.pageSize)
    let items = page.reversed().map { document(of: $0, showsWebhook: plan.showsWebhooksInLists) }
    var next = "null"
    if let first = page.first, visible.count > page.count {
      next = #""https://api.replicate.com/v1/predictions?cursor=\#(first.number)""#
    }
    return HTTPClientResponse(
      status: 200,
      body: Array(#"{"next":\#(next),"previous":null,"results":[\#(items.joined(separator: ","))]}"#.utf8))
  }

  private func create(_ request: HTTPClientRequest) -> HTTPClientResponse {
    guard let order = order(in: request) else { return problem(422, "no order") }
    if request.url.contains(Self.refusedModel) {
      finalRefusals.insert(order)
      return problem(422, "Invalid version or not permitted")
    }
    if request.url.contains(Self.unpaidModel), unpaidCalls[order, default: 0] < 2 {
      unpaidCalls[order, default: 0] += 1
      return problem(402, "Insufficient credit")
    }
    counts[.create] += 1
    let earlier = retries[order] == nil ? [] : predictions(of: order)
    if let open = earlier.first(where: { !$0.isInterrupted }) {
      problem = problem ?? "order \(order) is created again, though \(open.id) is \(open.status)"
    }
    if earlier.count > retries[order] ?? 0 {
      problem = problem ?? "order \(order) is created \(earlier.count + 1) times"
    }
    let body = String(decoding: request.body ?? [], as: UTF8.self)
    let prediction = add(
      order: order, webhook: Self.text(after: #""webhook":""#, in: body),
      events: Set(["start", "output", "logs", "completed"].filter { body.contains("\"\($0)\"") }))
    return HTTPClientResponse(status: 201, body: Array(document(of: prediction).utf8))
  }

  /// The number of the order, which its input has.
  private func order(in request: HTTPClientRequest) -> Int? {
    if let identify { return identify(request) }
    let body = String(decoding: request.body ?? [], as: UTF8.self)
    return body.firstRange(of: #""order":"#).flatMap { Int(body[$0.upperBound...].prefix { $0.isNumber }) }
  }

  private static func text(after mark: String, in body: String) -> String? {
    body.firstRange(of: mark).map { String(body[$0.upperBound...].prefix { $0 != "\"" }) }
  }

  private func document(
    of prediction: RemotePrediction, showsWebhook: Bool = true, earlier: Int? = nil
  ) -> String {
    let isErased = prediction.endedAt.map { $0 + plan.erasureDelay <= now } ?? false
    if isErased { prediction.wasShownErased = true }
    return prediction.document(
      showsWebhook: showsWebhook && !plan.hidesWebhooks, isErased: isErased, earlier: earlier)
  }
}

// MARK: - Lives

extension Account {
  /// Creates a prediction, and plans its life.
  @discardableResult
  func add(order: Int?, isTraining: Bool = false, webhook: String?, events: Set<String>) -> RemotePrediction {
    let prediction = RemotePrediction(
      number: predictions.count, order: order, isTraining: isTraining, webhook: webhook, events: events,
      createdAt: now)
    predictions.append(prediction)
    changedAt = now
    SimulationLog.write(now, "created \(prediction.id) of order \(order ?? -1)")
    var moment = 0
    let pause = max(1, plan.maxDuration / 4)
    func schedule(_ change: RemotePrediction.Change) {
      moment += Int.random(in: 0...pause, using: &random)
      after(moment) { [self] in self.change(prediction, change) }
    }
    if !happens(onceIn: 4) { schedule(.starts) }
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      schedule(.logs(Int.random(in: 1...9, using: &random)))
    }
    if happens(onceIn: 10) { schedule(.becomes("hibernating")) }
    let isInterrupted = happens(onceIn: 4)
    let earlier = predictions.count { $0.order == order } - 1
    schedule(
      order.flatMap { planEnd?($0, earlier) }
        ?? .ends(
          isInterrupted
            ? .isInterrupted : RemotePrediction.End.allCases.randomElement(using: &random) ?? .fails))
    if happens(onceIn: plan.deletesOnceIn) {
      after(Int.random(in: 0...moment + pause, using: &random)) { prediction.isGone = true }
    }
    return prediction
  }

  private func change(_ prediction: RemotePrediction, _ change: RemotePrediction.Change) {
    guard !prediction.isEnded else { return }
    prediction.apply(change, at: now)
    changedAt = now
    SimulationLog.write(now, "\(prediction.id) \(change): \(prediction.status)")
    guard prediction.webhookPath != nil else { return }
    let event: String
    switch change {
    case .starts, .becomes: event = "start"
    case .logs: event = "logs"
    case .ends, .outputs: event = "completed"
    }
    guard prediction.events.contains(event) else { return }
    send(
      WebhookEvent(
        id: "w\(prediction.number)-\(prediction.past.count)", prediction: prediction,
        body: Array(document(of: prediction).utf8), isTerminal: prediction.isEnded))
  }

  /// One event of a prediction, however often it is sent.
  final class WebhookEvent {
    let id: String
    let prediction: RemotePrediction
    let body: [UInt8]
    let isTerminal: Bool

    init(id: String, prediction: RemotePrediction, body: [UInt8], isTerminal: Bool) {
      (self.id, self.prediction, self.body, self.isTerminal) = (id, prediction, body, isTerminal)
    }
  }
}
