internal import Jobs
internal import StoreSeam

/// A call to the provider, or a search of several calls.
enum ProviderCall: Sendable {
  case create(OrderStep)
  case cancel(OrderStep, predictionID: String)
  /// Searches for the lost predictions of all these orders at once.
  case search([OrderStep])
  case poll(DuePolls.Poll)
  case fetchSecret
}

/// A pause that the provider requires.
struct ProviderPause: Equatable, Sendable {
  let seconds: Int
  let affectsOnlyCreates: Bool
  let reason: OrderReason

  /// Whether it concerns the account, and so every process. A token is each process's own.
  var isOfAccount: Bool { reason != .unauthorized }

  static let secondsAfterRejectedToken = 60
  static let secondsWithoutCredit = 60

  /// A token that is rejected for one call is rejected for all.
  static let rejectedToken = ProviderPause(
    seconds: secondsAfterRejectedToken, affectsOnlyCreates: false, reason: .unauthorized)
}

extension OrderStep {
  var isCreate: Bool { if case .create = action { true } else { false } }

  /// The step's call; nil for a search, which several orders share.
  var call: ProviderCall? {
    switch action {
    case .create: .create(self)
    case .cancel(let id): .cancel(self, predictionID: id)
    case .find: nil
    }
  }
}
