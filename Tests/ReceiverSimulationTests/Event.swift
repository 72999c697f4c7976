import Jobs
import Simulation
import StandardWebhooks

/// One webhook call as the provider makes it, however often it is sent.
struct Event {
  let webhookID: String
  let predictionID: String
  let status: String
  /// Bytes of the JSON texts of `logs` and `output`; 0 for null.
  let logsSize: Int
  let outputSize: Int
  let body: [UInt8]
  let digest: BodyDigest

  /// Only these are sent again when they were not answered with success.
  var isTerminal: Bool { ["succeeded", "failed", "canceled", "aborted"].contains(status) }

  /// - Parameter padding: bytes of the prompt.
  init(
    webhookID: String, predictionID: String, status: String, logs: String?, output: String?, padding: Int,
    sha256: borrowing SHA256
  ) {
    self.webhookID = webhookID
    self.predictionID = predictionID
    self.status = status
    let logsText = logs.map { "\"\($0)\"" }
    logsSize = logsText?.utf8.count ?? 0
    let outputText = output.map { "[\"\($0)\"]" }
    outputSize = outputText?.utf8.count ?? 0
    let error = status == "failed" ? #""CUDA out of memory""# : "null"
    var body = Array(#"{"id":"\#(predictionID)","status":"\#(status)","model":"owner/model","#.utf8)
    body += #""logs":\#(logsText ?? "null"),"input":{"prompt":""#.utf8
    body += repeatElement(UInt8(ascii: "x"), count: padding)
    body += #""},"output":\#(outputText ?? "null"),"error":\#(error),"#.utf8
    body += #""created_at":"2025-11-24T16:00:00.000Z"}"#.utf8
    guard let digest = BodyDigest(bytes: sha256.digest(of: body.span)) else {
      preconditionFailure("a SHA-256 of other than 32 bytes")
    }
    self.body = body
    self.digest = digest
  }
}

extension Event {
  /// What is told of one prediction from its start to its end, in order.
  static func life(
    of predictionID: String, _ random: inout SeededGenerator, sha256: borrowing SHA256
  ) -> [Event] {
    var statuses = random.happens(onceIn: 4) ? [] : ["starting"]
    for _ in 0..<Int.random(in: 0...3, using: &random) { statuses.append("processing") }
    if random.happens(onceIn: 8) { statuses.append("hibernating") }
    let ends = ["succeeded", "succeeded", "failed", "canceled", "aborted"]
    statuses.append(ends.randomElement(using: &random) ?? "succeeded")
    // A second end that contradicts the first.
    if random.happens(onceIn: 12) { statuses.append(ends.randomElement(using: &random) ?? "failed") }
    var logs = ""
    var events: [Event] = []
    for (number, status) in statuses.enumerated() {
      logs += String(repeating: "l", count: Int.random(in: 0...9, using: &random))
      let padding = Int.random(in: 0...(random.happens(onceIn: 6) ? 6000 : 200), using: &random)
      // The same id with another body is an anomaly.
      let isAnomaly = number > 0 && random.happens(onceIn: 20)
      events.append(
        Event(
          webhookID: "w-\(predictionID)-\(isAnomaly ? number - 1 : number)", predictionID: predictionID,
          status: status, logs: logs.isEmpty ? nil : logs, output: status == "succeeded" ? "o" : nil,
          padding: padding, sha256: sha256))
    }
    return events
  }
}
