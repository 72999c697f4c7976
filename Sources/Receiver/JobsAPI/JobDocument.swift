internal import JSONText
internal import Jobs
internal import ReplicateAPI
internal import Store

/// Jobs as the API shows them. `input`, `output`, `metrics` and the logs are slices of the body that the provider sent:
/// no number is printed again. What is not known is absent.
enum JobDocument {
  /// The last logs that a job shows, in bytes of their JSON text.
  static let logsTailLimit = 4096

  /// One job with everything.
  ///
  /// - Parameter prediction: what was read from `body`; nil where there is none yet.
  static func whole(_ job: Job, _ prediction: Prediction?, body: [UInt8]) -> [UInt8] {
    var writer = JSONWriter(capacity: body.count + 1024)
    writer.object { object in
      head(of: job, in: &object)
      object.member("input", raw: slice(prediction?.input, of: body))
      object.member("output", raw: slice(prediction?.output, of: body))
      object.member("metrics", raw: slice(prediction?.metrics, of: body))
      if let logs = prediction?.logs { logsTail(logs, of: body, in: &object) }
      tail(of: job, in: &object)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  /// Jobs without what may be large: input, output, metrics and logs.
  static func list(_ jobs: [Job], next: Int64?) -> [UInt8] {
    var writer = JSONWriter(capacity: 512 * jobs.count + 64)
    writer.object { object in
      object.member("jobs") { list in
        list.array(jobs) { element, job in
          element.object { object in
            head(of: job, in: &object)
            tail(of: job, in: &object)
          }
        }
      }
      object.member("next", string: next.map(String.init))
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  /// Deliveries, oldest first, and what the job was after each.
  static func history(
    of job: Job, _ entries: [HistoryEntry], counts: [DeliveryOutcome: Int], isPartial: Bool
  ) -> [UInt8] {
    var writer = JSONWriter(capacity: 256 * entries.count + 256)
    writer.object { object in
      object.member("id", string: job.id)
      object.member("counts") { member in
        member.object { object in
          for outcome in DeliveryOutcome.allCases {
            object.member(outcome.rawValue, integer: counts[outcome] ?? 0)
          }
        }
      }
      object.member("deliveries") { list in
        list.array(entries) { element, entry in element.object { delivery(entry, in: &$0) } }
      }
      object.member("next", string: isPartial ? entries.last.map { String($0.position) } : nil)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}

// MARK: - Parts

extension JobDocument {
  private static func head(of job: Job, in object: inout JSONWriter.Object) {
    let snapshot = job.snapshot
    object.member("id", string: job.id)
    object.member("prediction_id", string: snapshot?.predictionID)
    object.member("state", string: job.state.rawValue)
    object.member("provider", string: "replicate")
    object.member("provider_status", string: snapshot?.providerStatus)
    object.member("model", string: job.model)
    object.member("model_version", string: snapshot?.modelVersion)
    object.member("revision", integer: job.revision)
  }

  private static func tail(of job: Job, in object: inout JSONWriter.Object) {
    let snapshot = job.snapshot
    if let error = job.error {
      object.member("error") { member in
        member.object { object in
          object.member("code", string: error.code)
          object.member("message", string: error.message)
        }
      }
    }
    object.member("created_at", string: job.createdAt?.rfc3339)
    object.member("started_at", string: snapshot?.startedAt?.rfc3339)
    object.member("completed_at", string: snapshot?.completedAt?.rfc3339)
    object.member("updated_at", string: job.updatedAt.rfc3339)
    object.member("last_delivery_at", string: job.lastDeliveryAt?.rfc3339)
    object.member("stale_at", string: job.watch.staleAt?.rfc3339)
  }

  private static func delivery(_ entry: HistoryEntry, in object: inout JSONWriter.Object) {
    object.member("position", integer: entry.position)
    object.member("source", string: entry.source.rawValue)
    object.member("webhook_id", string: entry.webhookID)
    object.member("received_at", string: entry.receivedAt.rfc3339)
    object.member("provider_status", string: entry.providerStatus)
    object.member("outcome", string: entry.outcome.rawValue)
    object.member("state", string: JobState(entry.phase).rawValue)
    object.member("revision", integer: entry.revision)
    object.member("body_sha256", string: entry.digest.hexadecimal)
  }

  private static func slice(_ value: JSONValue?, of body: [UInt8]) -> ArraySlice<UInt8>? {
    value.map { body[$0.range] }
  }

  private static func logsTail(_ logs: JSONValue, of body: [UInt8], in object: inout JSONWriter.Object) {
    guard logs.kind == .string else { return }
    let contents = logs.range.dropFirst().dropLast()
    let tail = JSONString.tail(of: contents, limit: logsTailLimit, in: body.span)
    let quote = [UInt8(ascii: "\"")]
    object.member("logs_tail", raw: quote + body[tail] + quote)
  }
}
