/// The events that a webhook can be requested with.
enum WebhookEvent: String, CaseIterable, Sendable {
  case start, output, logs, completed

  /// The events sent without a filter.
  ///
  /// Replicate documents new outputs and the end.
  static let standard: Set<WebhookEvent> = [.start, .output, .completed]
}

/// Filters and throttles the webhooks for a prediction's changes.
///
/// A value: the time is an argument.
struct WebhookThrottle: Equatable, Sendable {
  let events: Set<WebhookEvent>
  private var last: [WebhookEvent: Instant] = [:]

  /// The minimum interval between two `output` or two `logs` webhooks.
  ///
  /// As at Replicate. An earlier change gets no webhook; the next webhook contains it.
  static let interval: Duration = .milliseconds(500)

  init(events: Set<WebhookEvent>) {
    self.events = events
  }

  mutating func events(of change: PredictionLifecycle.Change, at time: Instant) -> [WebhookEvent] {
    let happened: [WebhookEvent] =
      switch change {
      case .started: [.start]
      case .progressed(let hasNewOutput): hasNewOutput ? [.output, .logs] : [.logs]
      case .ended: [.completed]
      }
    return happened.filter { event in
      guard events.contains(event) else { return false }
      if event == .output || event == .logs {
        if let before = last[event], time < before + Self.interval { return false }
        last[event] = time
      }
      return true
    }
  }
}
