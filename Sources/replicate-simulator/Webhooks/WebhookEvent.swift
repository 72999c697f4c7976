/// What a webhook can be asked for.
enum WebhookEvent: String, CaseIterable, Sendable {
  case start, output, logs, completed

  /// Sent where no filter asks for anything: Replicate's documentation says new outputs and the end.
  static let standard: Set<WebhookEvent> = [.start, .output, .completed]
}

/// Which of a prediction's changes are told, and how often. A value: the time is an argument.
struct WebhookThrottle: Equatable, Sendable {
  let events: Set<WebhookEvent>
  private var last: [WebhookEvent: Instant] = [:]

  /// Replicate sends `output` and `logs` at most once in this time. What comes earlier is not told at all: the next one
  /// holds it too.
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
