internal import HTTPWire
package import Observability
package import Routing
internal import Synchronization

/// The metrics of requests: the responses of each route, and how long they took.
///
/// The routes count by themselves; this adds up what the listeners' routes of one path have counted.
package final class RequestMetrics: Sendable {
  private struct Source: Sendable {
    let method: String
    let path: String
    var responses: [RouteResponses]

    var labels: [(name: String, value: String)] { [("method", method), ("route", path)] }
  }

  /// By the names of listeners.
  private let tables = Mutex<[String: [Source]]>([:])

  /// The labels of requests that no route has, so that their number stays small whatever is requested.
  private static let none = "none"
  private static let bounds = DurationBounds(microseconds: RouteResponses.bounds)

  package init() {}

  /// Measures the routes of a listener, in place of those that it had.
  package func measure(_ table: RouteTable, of listener: String) {
    var sources = table.routes.map {
      Source(method: $0.method.name, path: $0.path.description, responses: $0.responses)
    }
    sources.append(Source(method: Self.none, path: Self.none, responses: [table.unmatched]))
    tables.withLock { $0[listener] = sources }
  }

  /// The routes of all listeners. One that several listeners have is there once.
  private var sources: [Source] {
    var sources: [Source] = []
    for source in tables.withLock({ $0 }).sorted(by: { $0.key < $1.key }).flatMap(\.value) {
      if let index = sources.firstIndex(where: { $0.method == source.method && $0.path == source.path }) {
        sources[index].responses += source.responses
      } else {
        sources.append(source)
      }
    }
    return sources
  }

  package var families: [any MetricFamily] {
    [
      RouteFamily(
        name: "replicate_webhookd_requests_total", help: "Responses to requests, by route and status.",
        type: .counter
      ) { [self] in sources.flatMap(Self.counts) },
      RouteFamily(
        name: "replicate_webhookd_request_duration_seconds",
        help: "Time from a complete request to its response, without streams.", type: .histogram
      ) { [self] in sources.flatMap(Self.durations) },
    ]
  }

  private static func counts(of source: Source) -> [MetricSample] {
    var counts: [Int: Int] = [:]
    for responses in source.responses {
      for (status, count) in responses.counts { counts[status, default: 0] += count }
    }
    return counts.sorted { $0.key < $1.key }.map { status, count in
      MetricSample(labels: source.labels + [("status", String(status))], value: String(count))
    }
  }

  /// Nothing for a route that was not used: a daemon has many.
  private static func durations(of source: Source) -> [MetricSample] {
    var buckets = [Int](repeating: 0, count: bounds.microseconds.count + 1)
    var total = 0
    for durations in source.responses.map(\.durations) {
      for (index, count) in durations.buckets.enumerated() { buckets[index] += count }
      total += durations.totalMicroseconds
    }
    guard buckets.contains(where: { $0 > 0 }) else { return [] }
    return bounds.samples(of: buckets, totalMicroseconds: total, labels: source.labels)
  }
}

/// A metric whose samples are read when `/metrics` is.
private struct RouteFamily: MetricFamily {
  let name: String
  let help: String
  let type: MetricType
  let read: @Sendable () -> [MetricSample]

  var samples: [MetricSample] { read() }
}
