internal import JSONText
internal import Time

/// Webhook bodies over the lifecycle of one invented prediction.
package struct SamplePrediction {
  package let id: String
  /// When it was created, in milliseconds since 1970.
  package let createdAt: Int64

  package init(id: String, createdAt: Int64) {
    self.id = id
    self.createdAt = createdAt
  }

  package enum Moment {
    case starting
    case processing
    /// Halfway: some logs, no output yet.
    case progressing
    case succeeded
    case failed
    case canceled
    /// A status that this program does not know.
    case unknown

    package var status: String {
      switch self {
      case .starting: "starting"
      case .processing, .progressing: "processing"
      case .succeeded: "succeeded"
      case .failed: "failed"
      case .canceled: "canceled"
      case .unknown: "hibernating"
      }
    }

    fileprivate var logs: String {
      switch self {
      case .starting: ""
      case .processing: "Using seed: 27934\n"
      case .progressing, .unknown, .canceled:
        "Using seed: 27934\n 50%|█████     | 2/4 [00:00<00:00,  5.09it/s]\n"
      case .succeeded, .failed: "Using seed: 27934\n100%|██████████| 4/4 [00:00<00:00,  5.17it/s]\n"
      }
    }

    fileprivate var hasEnded: Bool {
      switch self {
      case .succeeded, .failed, .canceled: true
      case .starting, .processing, .progressing, .unknown: false
      }
    }
  }

  package func body(at moment: Moment) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { object in
      object.member("id", string: id)
      object.member("model", string: "black-forest-labs/flux-schnell")
      object.member("version", string: "hidden")
      object.member(
        "input",
        raw: Self.raw(#"{"prompt":"a minimalist desk lamp, studio light","guidance":3.5,"seed":27934}"#))
      object.member("logs", string: moment.logs)
      object.member("output", raw: output(at: moment))
      object.member("data_removed", raw: Self.raw("false"))
      object.member("error", raw: Self.raw(moment == .failed ? #""CUDA out of memory (E1001)""# : "null"))
      object.member("source", string: "api")
      object.member("status", string: moment.status)
      object.member("created_at", string: time(after: 0))
      if moment != .starting { object.member("started_at", string: time(after: 120)) }
      if moment.hasEnded {
        object.member("completed_at", string: time(after: 1340))
        object.member("metrics", raw: Self.raw(#"{"image_count":1,"predict_time":1.220183}"#))
      }
      object.member("urls") { urls in
        urls.object { object in
          object.member("get", string: "https://api.replicate.com/v1/predictions/\(id)")
          object.member("cancel", string: "https://api.replicate.com/v1/predictions/\(id)/cancel")
        }
      }
      object.member("webhook_events_filter", raw: Self.raw(#"["start","output","logs","completed"]"#))
    }
    return writer.bytes
  }

  private func output(at moment: Moment) -> ArraySlice<UInt8> {
    Self.raw(moment == .succeeded ? "[\"https://replicate.delivery/xezq/\(id)/out-0.webp\"]" : "null")
  }

  private func time(after milliseconds: Int64) -> String {
    Timestamp(milliseconds: createdAt + milliseconds).rfc3339
  }

  private static func raw(_ json: String) -> ArraySlice<UInt8> { Array(json.utf8)[...] }
}
