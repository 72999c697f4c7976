internal import JSONText

/// The overview for tests: each prediction's state and webhook counts.
///
/// Evicted predictions are not listed.
extension Provider {
  static let maxOverviewPredictions = 10_000

  /// - Parameters:
  ///   - after: an ordinal; lists predictions created later, oldest first.
  ///   - limit: the number of predictions, at most ``maxOverviewPredictions``.
  func overview(after: Int, limit: Int) -> [UInt8] {
    let start = ordinals.partition(after: after)
    let listed = ordinals[start...].prefix(min(max(limit, 0), Self.maxOverviewPredictions))
    var writer = JSONWriter(capacity: 512 * listed.count + 256)
    writer.object { object in
      object.member("created", integer: createdCount)
      object.member("kept", integer: ordinals.count)
      object.member(
        "settled", bool: entries.values.allSatisfy { $0.lifecycle.hasEnded && $0.record.isSettled })
      object.member("next_after", integer: start + listed.count < ordinals.count ? listed.last : nil)
      object.member("predictions") { writer in
        writer.array(listed) { writer, ordinal in
          if let entry = entries[ordinal] { write(entry, to: &writer) }
        }
      }
    }
    return writer.bytes
  }

  private func write(_ entry: Entry, to writer: inout JSONWriter) {
    writer.object { object in
      object.member("ordinal", integer: entry.facts.ordinal)
      object.member("id", string: entry.facts.id)
      object.member("model", string: entry.facts.model)
      object.member("status", string: entry.lifecycle.status)
      object.member("create_answered", bool: entry.isAnswered)
      object.member("create_count", integer: entry.facts.webhook.flatMap { creationsOfWebhook[$0] } ?? 1)
      object.member("webhook", string: entry.facts.webhook)
      object.member("webhooks") { writer in
        writer.object { object in
          object.member("planned", integer: entry.record.planned)
          object.member("sent", integer: entry.record.attempts)
          object.member("acknowledged", integer: entry.record.acknowledged)
          object.member("lost", integer: entry.record.lost)
          object.member("failed", integer: entry.record.failed)
          object.member("pending", integer: entry.record.pending)
          object.member("completed", string: entry.record.completedState.rawValue)
        }
      }
      object.member("files") { writer in
        let requests = entry.fileRequests.values.reduce(into: FileRequests()) { $0 += $1 }
        writer.object { object in
          object.member("requests", integer: requests.count)
          object.member("with_token", integer: requests.tokenCount)
          object.member("bytes", integer: requests.byteCount)
        }
      }
    }
  }
}

extension [Int] {
  /// In an ascending array, the index of the first element above `value`.
  func partition(after value: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] > value { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
