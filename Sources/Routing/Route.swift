/// What the daemon answers to, by path. A trailing slash changes nothing, and neither do doubled ones: Replicate follows no
/// redirect, and a webhook that does not arrive is not noticed.
package enum Route: Equatable {
  /// The server as a whole, which OPTIONS may ask about (RFC 9110 section 9.3.7).
  case server
  case webhook
  case jobs
  case job(id: String)
  case history(id: String)
  case logs(id: String)
  case cancel(id: String)
  case usage
  case liveness
  case readiness
  case metrics

  package init?(_ segments: [String]) {
    guard !segments.isEmpty else {
      self = .server
      return
    }
    if let route = Self(exactly: segments.last == "" ? segments.dropLast() : segments[...]) {
      self = route
      return
    }
    guard let collapsed = Self.withoutDoubledSlashes(segments), let route = Self(exactly: collapsed[...])
    else {
      return nil
    }
    self = route
  }

  /// Nil where none is doubled, and where a job's id is what is empty.
  private static func withoutDoubledSlashes(_ segments: [String]) -> [String]? {
    let trimmed = segments.reversed().drop { $0.isEmpty }.reversed().drop { $0.isEmpty }
    guard trimmed.count < segments.count || trimmed.contains("") else { return nil }
    guard trimmed.first != "jobs" || !trimmed.contains("") else { return nil }
    return trimmed.filter { !$0.isEmpty }
  }

  private init?(exactly path: ArraySlice<String>) {
    switch (path.count, path.first, path.dropFirst().first) {
    case (2, "webhooks", "replicate"): self = .webhook
    case (1, "jobs", _): self = .jobs
    case (2, "jobs", let id?) where !id.isEmpty: self = .job(id: id)
    case (3, "jobs", let id?) where !id.isEmpty && path.last == "history": self = .history(id: id)
    case (3, "jobs", let id?) where !id.isEmpty && path.last == "logs": self = .logs(id: id)
    case (3, "jobs", let id?) where !id.isEmpty && path.last == "cancel": self = .cancel(id: id)
    case (1, "usage", _): self = .usage
    case (1, "healthz", _): self = .liveness
    case (1, "readyz", _): self = .readiness
    case (1, "metrics", _): self = .metrics
    default: return nil
    }
  }
}
