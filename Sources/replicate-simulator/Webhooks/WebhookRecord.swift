/// The delivery state of one prediction's webhooks.
struct WebhookRecord: Equatable, Sendable {
  /// One webhook, with all of its copies and attempts.
  private struct Webhook: Equatable {
    /// Copies with attempts left.
    var copies: Int
    var isAcknowledged = false
  }

  enum State: String, Sendable {
    /// None is planned yet, or none was requested.
    case none
    case pending
    case acknowledged
    /// Never sent, by fault injection.
    case lost
    /// Abandoned without an acknowledgement.
    case failed
  }

  private var webhooks: [Webhook] = []
  /// Requests sent.
  private(set) var attempts = 0
  private(set) var lost = 0
  /// The index of the `completed` webhook.
  private var completed: Int?

  /// The number of webhooks; each has its own id.
  var planned: Int { webhooks.count }
  var acknowledged: Int { webhooks.count { $0.isAcknowledged } }
  var pending: Int { webhooks.count { !$0.isAcknowledged && $0.copies > 0 } }
  var failed: Int { planned - lost - acknowledged - pending }
  /// Whether no copy of any webhook has attempts left.
  var isSettled: Bool { webhooks.allSatisfy { $0.copies == 0 } }

  var completedState: State {
    guard let completed else { return .none }
    let webhook = webhooks[completed]
    if webhook.isAcknowledged { return .acknowledged }
    if webhook.copies > 0 { return .pending }
    return completedIsLost ? .lost : .failed
  }

  private var completedIsLost = false

  /// Adds a webhook.
  ///
  /// - Parameter copies: 0 for one that is never sent.
  mutating func plan(_ event: WebhookEvent, copies: Int) {
    if event == .completed {
      completed = webhooks.count
      completedIsLost = copies == 0
    }
    if copies == 0 { lost += 1 }
    webhooks.append(Webhook(copies: copies))
  }

  mutating func noteAttempt() { attempts += 1 }

  mutating func acknowledge(_ index: Int) {
    webhooks[index].isAcknowledged = true
    webhooks[index].copies -= 1
  }

  /// Ends the attempts of one copy.
  mutating func abandon(_ index: Int) { webhooks[index].copies -= 1 }
}
