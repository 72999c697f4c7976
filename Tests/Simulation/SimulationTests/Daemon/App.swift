import Simulation
@testable import Time

/// An order of the simulated app, from its request to the end that the app is shown.
final class AppOrder {
  let number: Int
  /// The job's own id; nil where the daemon chooses it, and the request has an idempotency key.
  let ownID: String?
  let model: String
  let retries: Int
  let expectsURLs: Bool
  /// The order that this one retries, with its request and another input.
  let retried: AppOrder?
  /// The job's id, once the order is accepted.
  fileprivate(set) var id: String?
  fileprivate(set) var isCancelRequested = false
  /// Whether the app was shown an end.
  fileprivate(set) var isEnded = false
  /// Whether a restored backup lacks it, so that the app gives it up.
  fileprivate(set) var isForgotten = false
  fileprivate var shown: (revision: Int, state: String, code: String?)?
  fileprivate var pause = 1000
  /// Whether a retry of it was planned.
  fileprivate var isRetried = false

  init(number: Int, _ random: inout SeededGenerator) {
    self.number = number
    ownID = Bool.random(using: &random) ? "job-\(number)" : nil
    let models = [Account.refusedModel, Account.unpaidModel]
    model = random.happens(onceIn: 12) ? models.randomElement(using: &random) ?? models[0] : "owner/model"
    retries = Int.random(in: 0...2, using: &random)
    expectsURLs = Bool.random(using: &random)
    retried = nil
  }

  init(number: Int, retrying earlier: AppOrder, _ random: inout SeededGenerator) {
    self.number = number
    ownID = Bool.random(using: &random) ? "job-\(number)" : nil
    (model, retries, expectsURLs) = (earlier.model, earlier.retries, earlier.expectsURLs)
    retried = earlier
  }

  fileprivate func body(isOther: Bool = false) -> String {
    if retried != nil {
      let other = isOther ? #","retries":5"# : ""
      return #"{"input":{"order":\#(number)}\#(ownID.map { #","id":"\#($0)""# } ?? "")\#(other)}"#
    }
    var text = #"{"model":"\#(model)","input":{"order":\#(number)},"retries":\#(isOther ? 5 : retries)"#
    if let ownID { text += #","id":"\#(ownID)""# }
    if number % 2 == 0 {
      text += #","callback":{"url":"https://app.example.com/own","events":["running","progress"]}"#
    }
    if expectsURLs { text += #","expect":{"kind":"urls"}"# }
    return text + "}"
  }

  fileprivate func request(isOther: Bool = false) -> [UInt8] {
    let body = body(isOther: isOther)
    let key = ownID == nil ? "Idempotency-Key: order-\(number)\r\n" : ""
    let path = retried?.id.map { "/jobs/\($0)/retry" } ?? "/jobs"
    return Array(
      """
      POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r
      \(key)Content-Length: \(body.utf8.count)\r\n\r\n\(body)
      """.utf8)
  }
}

/// The app, which orders, cancels and reads jobs.
extension DaemonSimulation {
  func scheduleApp() {
    for order in orders {
      account.retries[order.number] = order.retries
      after(Int.random(in: 0...plan.span / 2, using: &random)) { self.place(order) }
    }
  }

  /// Notes that a backup was restored.
  func noteRestore(_ order: AppOrder, isKept: Bool) {
    order.shown = nil
    guard isKept else {
      (order.isForgotten, order.isEnded) = (true, true)
      return
    }
    guard order.isEnded else { return }
    order.isEnded = false
    after(1000) { self.read(order) }
  }

  /// Sends the order until it is accepted.
  private func place(_ order: AppOrder) {
    guard !order.isForgotten else { return }
    exchange(order.request(), fault: clientFault()) { [self] reply in
      switch reply?.status {
      case 200, 202:
        guard let id = reply?.body.member("id") else { return fail("an accepted order has no id") }
        if reply?.body.member("retry_of") != order.retried?.id {
          fail("order \(order.number) is shown without the job that it retries: \(reply?.body ?? "")")
        }
        if let known = order.id, known != id { fail("order \(order.number) is both \(known) and \(id)") }
        let isFirst = order.id == nil
        order.id = id
        guard isFirst else { return }
        counts[.acceptedOrder] += 1
        if order.retried != nil { account.noteRetry() }
        follow(order)
        stream(order, id: id)
      case 409 where order.retried.map { !$0.isEnded } ?? false:
        counts[.earlyRetry] += 1
        after(Int.random(in: 1000...20_000, using: &streamRandom)) { self.place(order) }
      case 409: fail("order \(order.number) is a conflict")
      case 404 where order.isForgotten || order.retried?.isForgotten ?? false: forget(order)
      case 408, 503, nil:
        counts[.repeatedOrder] += 1
        after(Int.random(in: 500...3000, using: &random)) { self.place(order) }
      case .some(let status): fail("an order was answered \(status)")
      }
    }
  }

  /// Retries every third order: after its end, or as soon as that is allowed.
  private func retry(_ earlier: AppOrder, after pause: Int) {
    guard isFaulty, !isEnding, !earlier.isRetried, orders.count < Self.maxOrders,
      streamRandom.happens(onceIn: 3)
    else { return }
    earlier.isRetried = true
    let order = AppOrder(number: orders.count, retrying: earlier, &streamRandom)
    orders.append(order)
    account.retries[order.number] = order.retries
    after(Int.random(in: 0...pause, using: &streamRandom)) { [self] in
      counts[.retry] += 1
      if earlier.isForgotten { forget(order) } else { place(order) }
    }
  }

  private static var maxOrders: Int { 10 }

  private func forget(_ order: AppOrder) { (order.isForgotten, order.isEnded) = (true, true) }

  private func follow(_ order: AppOrder) {
    after(order.pause) { self.read(order) }
    if streamRandom.happens(onceIn: 4) { retry(order, after: 5000) }
    if random.happens(onceIn: 4) {
      after(Int.random(in: 0...plan.span / 2, using: &random)) { self.cancel(order) }
    }
    if random.happens(onceIn: 4) {
      after(Int.random(in: 0...5000, using: &random)) { self.placeAgain(order) }
    }
  }

  /// Sends another request with the same id or key.
  private func placeAgain(_ order: AppOrder) {
    exchange(order.request(isOther: true), fault: clientFault()) { [self] reply in
      switch reply?.status {
      case 409 where order.ownID != nil, 422 where order.ownID == nil: counts[.conflict] += 1
      case 408, 503, nil: break
      case .some where isRestored: break
      case .some(let status): fail("another order with the same id was answered \(status)")
      }
    }
  }

  private func cancel(_ order: AppOrder) {
    guard let id = order.id, !order.isForgotten else { return }
    order.isCancelRequested = true
    let request = Array(
      "POST /jobs/\(id)/cancel HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".utf8)
    exchange(request, fault: clientFault()) { [self] reply in
      switch reply?.status {
      case 200, 202:
        counts[.cancelRequest] += 1
        SimulationLog.write(
          kernel.trueTimeMilliseconds, "cancel of \(id): \(reply?.status ?? 0) \(reply?.body ?? "")")
        account.rules.noteCancelAcknowledged(order.number, at: kernel.trueTimeMilliseconds)
      // Nothing is left to cancel.
      case 409 where holdsEnds: break
      case 408, 503, nil: after(Int.random(in: 500...3000, using: &random)) { self.cancel(order) }
      case .some where order.isForgotten: break
      case .some(let status): fail("a cancel request was answered \(status)")
      }
    }
  }

  /// Reads the job until it has ended.
  private func read(_ order: AppOrder) {
    guard let id = order.id, !order.isForgotten else { return }
    let (earlier, wasRestored) = (order.shown, isRestored)
    let request = Array("GET /jobs/\(id) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    exchange(request, fault: clientFault()) { [self] reply in
      switch reply?.status {
      case 200 where isRestored == wasRestored: show(reply?.body ?? "", of: order, after: earlier)
      case 200, 408, 503, nil: break
      case .some where order.isForgotten: break
      case .some(let status): fail("job \(id) was answered \(status)")
      }
      guard !order.isEnded else { return }
      order.pause = min(order.pause * 2, 30_000)
      after(order.pause) { self.read(order) }
    }
  }

  /// Reads the job of a prediction that another program created, until it has ended.
  func follow(_ prediction: RemotePrediction) {
    let request = Array("GET /jobs/\(prediction.id) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    exchange(request, fault: clientFault()) { [self] reply in
      switch reply?.status {
      case 200:
        prediction.shownState = reply?.body.member("state")
        prediction.isShownEnded = prediction.shownState.map(Self.isEnd) ?? false
        if prediction.isShownEnded { deleteLater(prediction) }
      case 408, 503, nil: break
      case .some where isRestored && !prediction.isKnown || prediction.isDeletionRequested: return
      case .some(let status): fail("the job of \(prediction.id) was answered \(status)")
      }
      if !prediction.isShownEnded { after(20_000) { self.follow(prediction) } }
    }
  }

  /// Deletes every second job of another program after its end, and after the callback of that.
  private func deleteLater(_ prediction: RemotePrediction) {
    guard Bool.random(using: &streamRandom) else { return }
    after(Int.random(in: 0...30_000, using: &streamRandom)) { [self] in
      // A request during the shutdown would have no answer to decide by.
      guard !isEnding, prediction.isShownEnded, callbacks.hasEnd(ofJob: prediction.id) else { return }
      prediction.isDeletionRequested = true
      delete(prediction)
    }
  }

  /// Requests the deletion until it is acknowledged.
  func delete(_ prediction: RemotePrediction) {
    // A restored backup may be of a time before the request.
    guard prediction.isDeletionRequested, !prediction.isDeleted else { return }
    let request = Array("DELETE /jobs/\(prediction.id) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    exchange(request, fault: clientFault()) { [self] reply in
      switch reply?.status {
      // An earlier request may have had its effect.
      case 204, 404: prediction.isDeleted = true
      case 408, 503, nil: after(Int.random(in: 500...3000, using: &streamRandom)) { self.delete(prediction) }
      case .some(let status): fail("a deletion was answered \(status)")
      }
    }
  }

  /// The codes of ends that are the daemon's own word, which a signed one may replace.
  private static let ownWords = ["gone", "answer_lost", "canceled", "invalid_input"]

  private func show(
    _ body: String, of order: AppOrder, after earlier: (revision: Int, state: String, code: String?)?
  ) {
    guard let revision = body.member("revision").flatMap({ Int($0) }), let state = body.member("state") else {
      return fail("a job without revision or state: \(body)")
    }
    counts[.observation] += 1
    let code = body.member("code")
    if let earlier {
      let isReplaced =
        Self.isEnd(earlier.state) && earlier.state != state
        && !(Self.isEnd(state) && earlier.code.map(Self.ownWords.contains) == true)
      if revision < earlier.revision || isReplaced {
        fail("job \(order.number) went back from \(earlier) to \(revision), \(state)")
      }
    }
    order.shown = (revision, state, code)
    guard Self.isEnd(state) else { return }
    order.isEnded = true
    retry(order, after: 10_000)
  }

  private static func isEnd(_ state: String) -> Bool { ["succeeded", "failed", "canceled"].contains(state) }
}
