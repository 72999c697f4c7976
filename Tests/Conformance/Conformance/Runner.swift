/// Runs cases against one server, each on a connection of its own.
package struct Runner: Sendable {
  private let site: Site
  private let timeout: Duration

  /// - Parameter timeout: the maximum duration of one wait for the server.
  package init(site: Site, timeout: Duration) {
    self.site = site
    self.timeout = timeout
  }

  /// The exchanged bytes, for reports.
  package struct Exchange: Sendable {
    package let verdict: Verdict
    package let received: [UInt8]
  }

  /// Prepares a case.
  ///
  /// Nil if the server lacks a feature that it needs.
  package func prepare(_ item: ConformanceCase) -> PreparedCase? {
    item.needs.isSubset(of: site.offers) ? PreparedCase(item, for: site) : nil
  }

  package func run(_ prepared: PreparedCase, _ delivery: Delivery = .whole) -> Exchange {
    let item = prepared.item
    let endpoint = site.endpoint(item.endpoint)
    guard let client = try? Client(to: endpoint, timeout: timeout) else {
      let outcome = Outcome(ending: .reset)
      return Exchange(
        verdict: Verdict(id: item.id, kind: .violation, outcome: outcome, faults: []), received: [])
    }
    var conversation = Conversation(prepared, site: site, client: client)
    conversation.play(delivery)
    conversation.finish()
    let kind: Verdict.Kind =
      switch item.rule.grade(conversation.outcome, at: site) {
      case .conforms: .conforms
      case .lenient: .lenient
      case .stricter: .stricter
      case .fragile: .fragile
      case nil: .violation
      }
    let faults = conversation.faults.sorted { $0.rawValue < $1.rawValue }
    return Exchange(
      verdict: Verdict(id: item.id, kind: kind, outcome: conversation.outcome, faults: faults),
      received: conversation.received)
  }
}

/// A case whose templates are expanded for one server.
package struct PreparedCase: Sendable {
  package let item: ConformanceCase
  /// The expanded texts of the script, in order.
  package let texts: [[UInt8]]
  /// The ranges of the first text that all cases share.
  let common: [Range<Int>]
  fileprivate let probe: [UInt8]

  init(_ item: ConformanceCase, for site: Site) {
    let endpoint = site.endpoint(item.endpoint)
    let parts = item.script.compactMap { step -> (bytes: [UInt8], common: [Range<Int>])? in
      guard case .send(let text) = step else { return nil }
      return Template.parts(of: text, for: site, at: endpoint)
    }
    self.item = item
    texts = parts.map(\.bytes)
    common = parts.first?.common ?? []
    let text = "GET \(endpoint.probeTarget) HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    probe = Template.expand(text, for: site, at: endpoint)
  }
}

/// One case in progress.
private struct Conversation {
  let prepared: PreparedCase
  let site: Site
  let client: Client
  private var reader: AnswerReader
  private var answers: [Answer] = []
  /// The end of the stream, once it has ended.
  private var end: Ending?
  private(set) var outcome = Outcome()
  private(set) var faults: Set<Fault> = []

  init(_ prepared: PreparedCase, site: Site, client: Client) {
    self.prepared = prepared
    self.site = site
    self.client = client
    reader = AnswerReader(of: client)
  }

  var received: [UInt8] { reader.transcript }

  private var item: ConformanceCase { prepared.item }

  mutating func play(_ delivery: Delivery) {
    var sent = 0
    for step in item.script {
      switch step {
      case .send:
        client.deliver(prepared.texts[sent], delivery, isFirst: sent == 0)
        sent += 1
      case .interim:
        if end == nil, answers.isEmpty { read(untilInterim: true) }
      case .answer:
        if end == nil { read() }
      case .halfClose:
        client.halfClose()
      case .flood(let byteCount):
        client.send(Array(repeating: UInt8(ascii: "x"), count: byteCount)[...])
      }
    }
    while end == nil, answers.count < item.rule.answerCount { read() }
  }

  /// Reads one final response, and the interim ones before it.
  private mutating func read(untilInterim: Bool = false) {
    while end == nil {
      switch reader.next(isHead: item.headAnswers.contains(answers.count)) {
      case .answer(let answer):
        faults.formUnion(answer.faults)
        guard answer.isInterim else {
          answers.append(answer)
          return
        }
        outcome.hasInterim = true
        if item.isHTTP10 { faults.insert(.interimForHTTP10) }
        if untilInterim { return }
      case .end: end = .closed
      case .reset: end = .reset
      case .nothing: end = .waiting
      case .notHTTP: end = .notHTTP
      }
    }
  }

  mutating func finish() {
    outcome.ending = ending()
    outcome.statuses = answers.map(\.status)
    judgeClose()
    if item.isHTTP10, answers.contains(where: { !$0.values("transfer-encoding").isEmpty }) {
      faults.insert(.codingForHTTP10)
    }
    let lengths = item.headAnswers.sorted().compactMap {
      $0 < answers.count ? answers[$0].contentLength : nil
    }
    if item.headAnswers == [1], let get = answers.first?.contentLength, lengths.contains(where: { $0 != get })
    {
      faults.insert(.headDiffersFromGet)
    }
  }

  private mutating func ending() -> Ending {
    if let end { return end }
    let count = answers.count
    guard !item.floods, !item.halfCloses else {
      // Anything else is a response without a request.
      read()
      return count == answers.count ? end ?? .waiting : .desynchronized("one answer more")
    }
    return probe()
  }

  /// Sends a valid request that closes the connection.
  ///
  /// Its response shows whether client and server are in step.
  private mutating func probe() -> Ending {
    client.send(prepared.probe[...])
    var found: [Int] = []
    // Bounded by the responses that a server sends before it closes.
    while true {
      switch reader.next(isHead: false) {
      case .answer(let answer): found.append(answer.status)
      case .end, .reset: return Self.judge(found)
      case .nothing: return found.isEmpty ? .waiting : .desynchronized("stays open after \(found)")
      case .notHTTP: return .desynchronized("bytes that are no answer after \(found)")
      }
    }
  }

  private static func judge(_ found: [Int]) -> Ending {
    switch found {
    case []: .closed
    case [200]: .kept
    default: .desynchronized("the probe got \(found)")
    }
  }

  private mutating func judgeClose() {
    guard let last = answers.last else { return }
    switch outcome.ending {
    case .closed where !last.closes && !item.isHTTP10 && !item.halfCloses: faults.insert(.unannouncedClose)
    case .kept where last.closes: faults.insert(.brokenClose)
    default: return
    }
  }
}
