@testable import Crypto
import Jobs
import Simulation
import StandardWebhooks

/// One webhook event of the provider, however often it is sent.
struct Event {
  let webhookID: String
  let predictionID: String
  let status: String
  /// The values of the body, unless they were ``restored(from:)`` an earlier event.
  private(set) var content: Content
  /// Whether the provider has erased the content.
  let isDataRemoved: Bool
  /// The digest of the body as it is sent.
  let digest: BodyDigest

  /// JSON texts.
  struct Content {
    var logs: String?
    var output: String?
    var input: String?
  }

  /// Only terminal events are retried.
  var isTerminal: Bool { ["succeeded", "failed", "canceled", "aborted", "expired"].contains(status) }

  /// Bytes of the JSON texts of `logs` and `output`; 0 for null.
  var logsSize: Int { content.logs?.utf8.count ?? 0 }
  var outputSize: Int { content.output?.utf8.count ?? 0 }

  var body: [UInt8] { Self.body(predictionID, status, content, isDataRemoved: isDataRemoved) }

  /// - Parameter padding: how many bytes the prompt has.
  init(
    webhookID: String, predictionID: String, status: String, logs: String?, output: String?, padding: Int,
    isDataRemoved: Bool = false, sha256: borrowing SHA256
  ) {
    self.webhookID = webhookID
    self.predictionID = predictionID
    self.status = status
    self.isDataRemoved = isDataRemoved
    content = Content()
    if !isDataRemoved {
      content.logs = logs.map { "\"\($0)\"" }
      content.output = output.map { "[\"\($0)\"]" }
      content.input = #"{"prompt":"\#(String(repeating: "x", count: padding))"}"#
    }
    let body = Self.body(predictionID, status, content, isDataRemoved: isDataRemoved)
    guard let digest = BodyDigest(bytes: sha256.digest(of: body.span)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    self.digest = digest
  }

  private static func body(
    _ predictionID: String, _ status: String, _ content: Content, isDataRemoved: Bool
  ) -> [UInt8] {
    let error = status == "failed" ? #""CUDA out of memory""# : "null"
    var body = #"{"id":"\#(predictionID)","status":"\#(status)","model":"owner/model","#
    body += #""logs":\#(content.logs ?? "null"),"input":\#(content.input ?? "{}"),"#
    body += #""output":\#(content.output ?? "null"),"error":\#(error),"#
    if isDataRemoved { body += #""data_removed":true,"# }
    return Array((body + #""created_at":"2025-11-24T16:00:00.000Z"}"#).utf8)
  }

  /// This event with erased members taken from `known`.
  func restored(from known: Event) -> Event {
    var event = self
    event.content.logs = content.logs ?? known.content.logs
    event.content.output = content.output ?? known.content.output
    event.content.input = content.input ?? known.content.input
    return event
  }
}

extension Event {
  /// The events of one prediction, from start to end.
  static func life(
    of predictionID: String, _ random: inout SeededGenerator, sha256: borrowing SHA256
  ) -> [Event] {
    // From a generator of its own, salted so that seeds which failed once keep the runs that they had then.
    var copy = random
    var rarities = SeededGenerator(seed: copy.next() &+ 5)
    let endsUnknown = rarities.happens(onceIn: 12)
    let isErased = rarities.happens(onceIn: 12)
    var statuses = random.happens(onceIn: 4) ? [] : ["starting"]
    for _ in 0..<Int.random(in: 0...3, using: &random) { statuses.append("processing") }
    if random.happens(onceIn: 8) { statuses.append("hibernating") }
    let ends = ["succeeded", "succeeded", "failed", "canceled", "aborted"]
    statuses.append(ends.randomElement(using: &random) ?? "succeeded")
    // A second end that contradicts the first.
    if random.happens(onceIn: 12) { statuses.append(ends.randomElement(using: &random) ?? "failed") }
    if endsUnknown { statuses[statuses.count - 1] = "expired" }
    var logs = ""
    var events: [Event] = []
    for (number, status) in statuses.enumerated() {
      let growth = Int.random(in: 0...9, using: &random)
      // The same logs: only the time of arrival orders this end.
      if status != "expired" { logs += String(repeating: "l", count: growth) }
      let padding = Int.random(in: 0...(random.happens(onceIn: 6) ? 6000 : 200), using: &random)
      // The same id with another body is an anomaly.
      let isAnomaly = number > 0 && random.happens(onceIn: 20)
      events.append(
        Event(
          webhookID: "w-\(predictionID)-\(isAnomaly ? number - 1 : number)", predictionID: predictionID,
          status: status, logs: logs.isEmpty ? nil : logs, output: status == "succeeded" ? "o" : nil,
          padding: padding, isDataRemoved: isErased && number == statuses.count - 1, sha256: sha256))
    }
    return events
  }
}
