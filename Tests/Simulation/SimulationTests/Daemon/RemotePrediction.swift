import Jobs
import Simulation
@testable import Time

/// A prediction or training, as the simulated provider has it.
final class RemotePrediction {
  let id: String
  /// Its place in the order of creation.
  let number: Int
  /// The number of the app's order, which its input has; nil where another program created it.
  let order: Int?
  let isTraining: Bool
  /// The URL of its webhook, and the events that are sent there.
  let webhook: String?
  let events: Set<String>
  /// Milliseconds since 1970.
  let createdAt: Int64
  private(set) var status = "starting"
  private(set) var logs = ""
  private(set) var output: String?
  private(set) var error: String?
  private var startedAt: Int64?
  private(set) var endedAt: Int64?
  /// Earlier states, which a lying provider returns again.
  private(set) var past: [(status: String, logs: String)] = []
  /// Whether the provider has deleted it for ever.
  var isGone = false
  /// Whether its content was ever returned or sent after its erasure.
  var wasShownErased = false
  /// Whether a delivery of it was acknowledged.
  var isKnown = false
  /// Whether a reader was shown the end of its own job.
  var isShownEnded = false
  /// The end that a reader was shown.
  var shownState: String?
  /// Whether the app has requested to delete its job.
  var isDeletionRequested = false
  /// Whether the deletion was acknowledged.
  var isDeleted = false
  /// Whether a delivery of its end was acknowledged.
  var isEndAcknowledged = false

  init(
    number: Int, order: Int?, isTraining: Bool = false, webhook: String?, events: Set<String>,
    createdAt: Int64
  ) {
    id = (isTraining ? "t" : "p") + String(number)
    self.number = number
    self.order = order
    self.isTraining = isTraining
    self.webhook = webhook
    self.events = events
    self.createdAt = createdAt
  }

  var isEnded: Bool { endedAt != nil }
  /// Ended by the platform, so that the daemon may create another one.
  var isInterrupted: Bool { error?.contains("(code: PA)") == true }
  var hasUsableOutput: Bool { output?.hasPrefix("[") == true }

  /// The path of the webhook's URL.
  var webhookPath: String? {
    guard let webhook, let host = webhook.firstRange(of: "://")?.upperBound,
      let slash = webhook[host...].firstIndex(of: "/")
    else { return nil }
    return String(webhook[slash...])
  }
}

// MARK: - Its life

extension RemotePrediction {
  /// A step of a life.
  enum Change {
    case starts
    case logs(Int)
    case becomes(String)
    case ends(End)
    /// It succeeds with a JSON text.
    case outputs(String)
  }

  enum End: CaseIterable {
    case succeeds, succeedsWithText, fails, isInterrupted, isCanceled, isAborted
  }

  func apply(_ change: Change, at now: Int64) {
    guard !isEnded else { return }
    past.append((status, logs))
    switch change {
    case .starts:
      status = "processing"
      startedAt = now
    case .logs(let count): logs += String(repeating: "l", count: count)
    case .becomes(let status): self.status = status
    case .ends(let end):
      endedAt = now
      switch end {
      case .succeeds: (status, output) = ("succeeded", #"["https://replicate.delivery/x/\#(id).png"]"#)
      case .succeedsWithText: (status, output) = ("succeeded", #""text""#)
      case .fails: (status, error) = ("failed", "CUDA out of memory")
      case .isInterrupted:
        (status, error) = ("failed", "Prediction interrupted; please retry (code: PA)")
      case .isCanceled: status = "canceled"
      case .isAborted: status = "aborted"
      }
    case .outputs(let text):
      endedAt = now
      (status, output) = ("succeeded", text)
    }
  }
}

// MARK: - Its documents

extension RemotePrediction {
  /// - Parameters:
  ///   - showsWebhook: whether the document has its webhook, as lists may not.
  ///   - isErased: whether its content is erased.
  ///   - earlier: an index of ``past``, whose state is shown instead.
  func document(showsWebhook: Bool, isErased: Bool = false, earlier: Int? = nil) -> String {
    let old = earlier.map { past[$0] }
    let status = old?.status ?? status
    let logs = old?.logs ?? logs
    let isEnd = old == nil && isEnded
    var text = #"{"id":"\#(id)","model":"owner/model","version":"hidden","status":"\#(status)","#
    text += #""input":\#(isErased ? "{}" : input),"#
    text += #""output":\#(isErased || !isEnd ? "null" : output ?? "null"),"#
    text += #""logs":\#(isErased || logs.isEmpty ? "null" : "\"\(logs)\""),"#
    text += #""error":\#(isEnd ? error.map { "\"\($0)\"" } ?? "null" : "null"),"#
    if isErased { text += #""data_removed":true,"# }
    text += #""created_at":"\#(Self.text(createdAt))""#
    if let startedAt, old == nil { text += #","started_at":"\#(Self.text(startedAt))""# }
    if let endedAt, isEnd {
      text += #","completed_at":"\#(Self.text(endedAt))","metrics":{"predict_time":1.5}"#
    }
    if showsWebhook {
      text += #","webhook":\#(webhook.map { "\"\($0)\"" } ?? "null")"#
      text += #","webhook_events_filter":["completed"]"#
    }
    return text + "}"
  }

  private var input: String { order.map { #"{"order":\#($0)}"# } ?? #"{"seed":7}"# }

  private static func text(_ milliseconds: Int64) -> String {
    Timestamp(milliseconds: milliseconds).rfc3339
  }
}
