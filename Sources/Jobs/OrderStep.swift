/// A claimed step of an order.
package struct OrderStep: Sendable {
  package enum Action: Sendable {
    /// Make the create call. The stage `sending` is already recorded.
    case create
    /// Search the provider's list for the prediction.
    case find
    case cancel(predictionID: String)
  }

  package let action: Action
  package let job: Job
  /// The order after the claim. It has its request where it is to be created.
  package let order: StoredOrder

  package init(action: Action, job: Job, order: StoredOrder) {
    self.action = action
    self.job = job
    self.order = order
  }
}
