package import Ledger
internal import ClientAddress
internal import HTTPClient
internal import HTTPWire
internal import JobRequests
package import JobsAPI
internal import StoreSeam
package import Observability
package import Routing
package import Settings
internal import StandardWebhooks
package import Tables
package import Work

/// The capability that notifies the app: callbacks of the ends of jobs, signed and retried.
///
/// A transaction hook writes the outbox, a service sends it. It is off unless `CALLBACK_URL` or
/// `CALLBACK_HOSTS` is set.
package struct Callbacks: Capability {
  package static var settings: [SettingVariable] { [.callbackURL, .callbackHosts, .callbackSecret] }
  package static var tables: [TableDeclaration] { [CallbackTable.declaration, TargetTable.declaration] }

  /// The maximum length of a thread's name is 15 bytes, with its number.
  private static let threadName = "callback"

  let configuration: CallbackSettings
  let counters = CallbackMetrics()
  private let waker = Waker()
  private let keys: SigningKeys
  private let secrets: WebhookSecrets

  package init(from reader: inout SettingsReader) {
    configuration = CallbackSettings(from: &reader)
    secrets = WebhookSecrets(configuration.secrets)
    keys = SigningKeys(given: secrets)
  }

  package func adopt(_ new: any Capability) {
    if let new = new as? Callbacks { secrets.replace(with: new.configuration.secrets) }
  }

  /// Also where it is off: rows of jobs that are deleted go with them.
  package var hook: (any TransactionHook)? {
    CallbackHook(
      hasURL: configuration.rules.shared != nil, acceptsTargets: !configuration.rules.hosts.isEmpty)
  }

  package var workKinds: [WorkKind] { configuration.isOn ? CallbackWork.kinds : [] }

  package var metrics: [any MetricFamily] { configuration.isOn ? counters.families : [] }

  package var callbackCheck: CallbackCheck? {
    let rules = configuration.rules
    return { (callback: CallbackRequest) throws(Problem) in try Self.check(callback, rules) }
  }

  private static func check(_ callback: CallbackRequest, _ rules: ReceiverRules) throws(Problem) {
    let reason: String
    do throws(ReceiverRules.Refusal) {
      guard !rules.hosts.isEmpty else { throw .notAllowed(.notListed) }
      _ = try rules.receiver(of: callback.url)
      return
    } catch {
      switch error {
      case .invalid(let cause): reason = "`url` is not accepted: \(cause)"
      case .notAllowed(.notListed):
        reason =
          rules.hosts.isEmpty
          ? "this daemon sends none to URLs of jobs; its operator lists hosts in CALLBACK_HOSTS"
          : "the host of `url` is not in CALLBACK_HOSTS"
      case .noURL, .notAllowed: reason = "`url`: \(error)"
      }
    }
    throw Problem(.unprocessableContent, .invalidRequest, "`callback`: \(reason)")
  }

  package func routes(_ api: APIContext) -> [Route] {
    configuration.isOn ? CallbackRoutes(api, keys: keys, waker: waker).routes : []
  }

  package func service(_ context: ServiceContext) throws -> (any Service)? {
    guard configuration.isOn else { return nil }
    return CallbackSender(
      loop: context.loop, queue: context.queue, feed: context.changes, views: try context.makeViews(),
      announced: context.announced, reader: try context.openReader(),
      client: try context.makeClient(Receivers.maxInFlight, Self.threadName), rules: configuration.rules,
      keys: keys, metrics: counters, logger: context.logger,
      waker: waker)
  }
}
