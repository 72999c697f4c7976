/// What became of the webhooks of one prediction.
struct WebhookRecord: Equatable, Sendable {
  /// One webhook, whatever number of copies and attempts it takes.
  private struct Webhook: Equatable {
    /// Copies that will be tried, or tried again.
    var copies: Int
    var isAcknowledged = false
  }

  enum State: String, Sendable {
    /// None is planned yet, or none was asked for.
    case none
    case pending
    case acknowledged
    /// Never sent, on purpose.
    case lost
    /// Sent in vain, and given up.
    case failed
  }

  private var webhooks: [Webhook] = []
  /// Requests that were made.
  private(set) var attempts = 0
  private(set) var lost = 0
  /// Of the one that tells of the end.
  private var completed: Int?

  /// How many there are: each bears an id of its own.
  var planned: Int { webhooks.count }
  var acknowledged: Int { webhooks.count { $0.isAcknowledged } }
  var pending: Int { webhooks.count { !$0.isAcknowledged && $0.copies > 0 } }
  var failed: Int { planned - lost - acknowledged - pending }
  /// Also of copies: none of them will be tried again.
  var isSettled: Bool { webhooks.allSatisfy { $0.copies == 0 } }

  var completedState: State {
    guard let completed else { return .none }
    let webhook = webhooks[completed]
    if webhook.isAcknowledged { return .acknowledged }
    if webhook.copies > 0 { return .pending }
    return completedIsLost ? .lost : .failed
  }

  private var completedIsLost = false

  /// - Parameter copies: none for one that is never sent.
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

  /// A copy will not be tried again.
  mutating func abandon(_ index: Int) { webhooks[index].copies -= 1 }
}
