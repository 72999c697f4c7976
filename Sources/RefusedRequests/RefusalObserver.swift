package import Time

/// Receives the refusals of the listeners that receive deliveries.
///
/// Called on the listeners' loops, for each refusal. It must neither block nor grow.
package protocol RefusalObserver: Sendable {
  func note(_ refused: RefusedRequest, at time: Timestamp)
}
