internal import JSONText
package import Jobs
package import Time

/// Removes input, output and logs from what a store keeps of a job.
///
/// Only the members that are named here are kept, so that nothing else of a prediction's content stays.
package enum ErasedBodies {
  /// The JSON texts that were removed, in bytes. 0 where one was absent or null.
  package struct Sizes: Equatable, Sendable {
    package var input = 0
    package var output = 0
    package var logs = 0
  }

  private static let keptOfPredictions: [StaticString] = [
    "model", "version", "created_at", "started_at", "completed_at", "error", "metrics", "source",
    "data_removed", "webhook",
  ]
  private static let keptOfRequests: [StaticString] = [
    "model", "version", "deployment", "id", "webhook_events", "timeout", "cancel_after", "expect", "metadata",
    "retries", "callback", "start_before", "archive",
  ]

  /// What each erased body begins with.
  private static let mark = Array(#"{"bodies_erased_at":"#.utf8)

  /// Whether bodies of a job may have been erased, by the stored body: also one that was never there.
  static func mayConcern(_ body: [UInt8]) -> Bool { body.isEmpty || body.starts(with: mark) }

  /// The part of a prediction's body that stays.
  ///
  /// A damaged body is erased too: what identifies the prediction is that of the snapshot.
  package static func prediction(
    _ body: [UInt8], of snapshot: Snapshot, at now: Timestamp
  ) -> (text: [UInt8], sizes: Sizes) {
    let object = try? JSONScanner.object(body.span)
    let value = { (name: StaticString) -> JSONValue? in
      object?.value(named: "\(name)", in: body.span).flatMap { $0.kind == .null ? nil : $0 }
    }
    var writer = JSONWriter(capacity: 512)
    writer.object { object in
      object.member("bodies_erased_at", string: now.rfc3339)
      object.member("id", string: snapshot.predictionID)
      object.member("status", string: snapshot.providerStatus)
      for name in keptOfPredictions { object.member(name, raw: value(name).map { body[$0.range] }) }
    }
    let size = { value($0)?.range.count ?? 0 }
    return (writer.bytes, Sizes(input: size("input"), output: size("output"), logs: size("logs")))
  }

  /// The part of a request that stays.
  package static func request(_ request: [UInt8]) -> (text: [UInt8], inputSize: Int) {
    let object = try? JSONScanner.object(request.span)
    var writer = JSONWriter(capacity: 512)
    writer.object { writer in
      for name in keptOfRequests {
        let value = object?.value(named: "\(name)", in: request.span)
        writer.member(name, raw: value.map { request[$0.range] })
      }
    }
    return (writer.bytes, object?.value(named: "input", in: request.span)?.range.count ?? 0)
  }
}
