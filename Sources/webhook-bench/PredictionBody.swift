import Glibc

/// Bodies in the shape of Replicate's webhooks, of an exact size.
///
/// A prediction with input, output, logs, metrics and URLs. The logs, lines of a progress bar, fill up the
/// size.
struct PredictionBody {
  enum Status: UInt8 {
    case starting, processing, succeeded, failed, canceled

    var word: String {
      switch self {
      case .starting: "starting"
      case .processing: "processing"
      case .succeeded: "succeeded"
      case .failed: "failed"
      case .canceled: "canceled"
      }
    }

    /// The state in the jobs API.
    var state: String {
      switch self {
      case .starting: "pending"
      case .processing: "running"
      default: word
      }
    }

    /// The order of statuses; all ends rank alike.
    var rank: Int { min(Int(rawValue), 2) }
  }

  private let logs: LogText
  private let createdAt: String
  private let startedAt: String
  private let completedAt: String

  /// The size of a body without logs. Smaller sizes are rounded up to it.
  static let minBytes = 460
  /// The minimum size of a body with all members. A smaller one omits optional members.
  static let minCompleteBytes = 1500

  /// - Parameters:
  ///   - maxBytes: the size of the largest body to be made.
  ///   - now: when the predictions end, in seconds since 1970.
  init(maxBytes: Int, now: Int) {
    logs = LogText(length: maxBytes)
    createdAt = Self.date(now - 3)
    startedAt = Self.date(now - 2)
    completedAt = Self.date(now)
  }

  /// A body of exactly `size` bytes, but at least ``minBytes``.
  func make(id: String, status: Status, size: Int, seed: Int) -> [UInt8] {
    let isComplete = size >= Self.minCompleteBytes
    let hasEnded = status.rank == 2
    let output = isComplete ? #"["https://replicate.delivery/xezq/\#(id)/out-0.webp"]"# : #""\#(id).webp""#
    var head = #"{"id":"\#(id)","model":"black-forest-labs/flux-schnell","version":"hidden","input":"#
    head += #"{"prompt":"a minimalist desk lamp, studio light","num_outputs":1,"seed":\#(seed)"#
    if isComplete {
      head +=
        #","width":1280,"height":720,"aspect_ratio":"custom","output_format":"webp","guidance_scale":3.5"#
      head += #","num_inference_steps":16,"disable_safety_checker":true"#
    }
    head += #"},"logs":""#
    var tail = #"","output":\#(status == .succeeded ? output : "null"),"error":"#
    tail += status == .failed ? #""CUDA out of memory""# : "null"
    tail += #","status":"\#(status.word)","created_at":"\#(createdAt)""#
    if status != .starting { tail += #","started_at":"\#(startedAt)""# }
    if hasEnded {
      tail += #","completed_at":"\#(completedAt)","metrics":{"predict_time":1.834611,"total_time":3.0}"#
    }
    if isComplete {
      let api = "https://api.replicate.com/v1/predictions/\(id)"
      tail += #","data_removed":false,"source":"api","urls":{"cancel":"\#(api)/cancel","get":"\#(api)","#
      tail +=
        #""stream":"https://stream.replicate.com/v1/files/bcwr-\#(id)","#
        + #""web":"https://replicate.com/p/\#(id)"},"#
      tail += #""webhook":"https://example.com/webhooks/replicate","#
      tail += #""webhook_events_filter":["start","output","logs","completed"]"#
    }
    tail += "}"
    var body: [UInt8] = []
    body.reserveCapacity(max(size, head.utf8.count + tail.utf8.count))
    body.append(contentsOf: head.utf8)
    logs.append(max(0, size - head.utf8.count - tail.utf8.count), to: &body)
    body.append(contentsOf: tail.utf8)
    return body
  }

  /// `2025-06-08T12:06:15.127Z`
  private static func date(_ seconds: Int) -> String {
    var (seconds, fields) = (seconds, tm())
    gmtime_r(&seconds, &fields)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(fields.tm_year + 1900)-\(two(fields.tm_mon + 1))-\(two(fields.tm_mday))"
      + "T\(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec)).127Z"
  }
}

/// The lines of progress bars, as the text of a JSON string.
private struct LogText {
  private var bytes: [UInt8] = []
  /// Where each line ends.
  private var ends: [Int] = []

  init(length: Int) {
    var step = 0
    while bytes.count < length {
      let percent = step % 51 * 2
      let bar = String(repeating: "█", count: percent / 10) + String(repeating: " ", count: 10 - percent / 10)
      let line = #" \#(percent)%|\#(bar)| \#(step % 51)/50 [00:0\#(step % 10)<00:02, 16.47it/s]\n"#
      bytes.append(contentsOf: line.utf8)
      ends.append(bytes.count)
      step += 1
    }
  }

  /// Appends exactly `count` bytes: whole lines, then full stops.
  ///
  /// Whole lines, because a cut inside an escape or a character would be invalid.
  func append(_ count: Int, to body: inout [UInt8]) {
    var (low, high) = (0, ends.count)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] <= count { low = middle + 1 } else { high = middle }
    }
    let whole = low == 0 ? 0 : ends[low - 1]
    body.append(contentsOf: bytes[..<whole])
    body.append(contentsOf: repeatElement(UInt8(ascii: "."), count: count - whole))
  }
}
