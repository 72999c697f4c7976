internal import Bytes
internal import Crypto
internal import StandardWebhooks

/// One event in a job's life, however often it is delivered.
///
/// Its position determines everything else, so that no body has to be kept.
struct Event: Equatable {
  let job: Int
  /// Its position in the life. The logs grow with it, as a model's do.
  let step: Int
  let report: Report

  static func jobID(_ job: Int) -> String { "proof-\(job)" }

  var jobID: String { Self.jobID(job) }
  var webhookID: String { "msg-\(job)-\(step)" }

  /// From 200 bytes to about 3 KB; the same on every call.
  var body: [UInt8] {
    let output = report == .succeeded ? #"["https://replicate.delivery/\#(jobID)/out.webp"]"# : "null"
    let error = report == .failed ? #""CUDA out of memory""# : "null"
    // Some bodies are longer than a page of the database.
    let prompt = String(repeating: "a lamp, ", count: job % 16 == 0 ? 600 : job % 40)
    let logs = String(repeating: #" 42%|████      | 21/50\n"#, count: step + 1)
    return Array(
      (#"{"id":"\#(jobID)","model":"owner/model","status":"\#(report.text)","#
        + #""error":\#(error),"output":\#(output),"#
        + #""input":{"prompt":"\#(prompt)"},"logs":"\#(logs)"}"#).utf8)
  }

  /// The SHA-256 of the body, in lower-case digits.
  var digest: String {
    Hexadecimal.encode(SHA256().digest(of: body.span))
  }
}
