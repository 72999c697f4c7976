/// What a prediction may be told of by webhook.
package enum WebhookEvent: String, CaseIterable, Sendable {
  case start
  case output
  case logs
  case completed
}
