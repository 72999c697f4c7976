internal import Jobs
internal import Store

/// A call to the provider that one ``ProviderCaller`` is to make.
enum ProviderCall: Sendable {
  case create(OrderStep)
  case cancel(OrderStep, predictionID: String)
  /// Look for all of them at once.
  case find([OrderStep])
  case ask(DuePolls.Poll)
  case fetchSecret
}

/// The provider wants fewer calls.
struct ProviderPause: Equatable, Sendable {
  let seconds: Int
  /// Only calls that create are meant.
  let isForCreates: Bool
  let reason: OrderReason

  static let secondsAfterRefusedToken = 60

  /// A token that is refused for one call is refused for all.
  static let refusedToken = ProviderPause(
    seconds: secondsAfterRefusedToken, isForCreates: false, reason: .unauthorized)
}

extension OrderStep {
  /// Nil where what is looked for is looked for together with others.
  var call: ProviderCall? {
    switch action {
    case .create: .create(self)
    case .cancel(let id): .cancel(self, predictionID: id)
    case .find: nil
    }
  }
}
