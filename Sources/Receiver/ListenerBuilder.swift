internal import EventLoop
internal import HTTPServer
internal import Logging
internal import StandardWebhooks
internal import Store

/// Makes what serves one address: a loop, and the endpoints that live on it.
struct ListenerBuilder {
  let settings: Settings
  let logger: Logger
  let metrics: Metrics
  let lifecycle: Lifecycle
  let recorder: Recorder
  let ended: @Sendable (SystemError?) -> Void

  enum Purpose: String {
    case webhooks
    case api
    /// One address for both.
    case shared

    fileprivate var variable: String { self == .api ? "API_LISTEN" : "WEBHOOK_LISTEN" }
  }

  func start(_ purpose: Purpose, on address: SocketAddress) throws(StartError) -> RunningListener {
    let limits = ServerLimits()
    let kernel: LinuxKernel
    let descriptor: Int32
    let bound: SocketAddress
    do throws(SystemError) {
      kernel = try LinuxKernel()
      (descriptor, bound) = try kernel.listen(on: address, backlog: limits.backlog)
    } catch {
      throw .listen(variable: purpose.variable, address, error)
    }
    let loop = EventLoop(kernel: kernel)
    let handler = ListenerHandler(
      webhooks: purpose == .api ? nil : try webhookEndpoint(on: loop),
      api: purpose == .webhooks ? nil : try jobsEndpoint(on: loop), metrics: metrics, logger: logger)
    do throws(SystemError) {
      let listener = try RunningListener(
        named: purpose.rawValue, descriptor: descriptor, loop: loop, handler: handler, limits: limits,
        ended: ended)
      logger.notice("listening", metadata: ["purpose": "\(purpose.rawValue)", "address": "\(bound)"])
      return listener
    } catch {
      throw .system(error)
    }
  }

  private func webhookEndpoint(on loop: EventLoop) throws(StartError) -> WebhookEndpoint {
    let (seconds, _) = settings.signatureTolerance.components
    guard let verifier = Verifier(secrets: settings.secrets, toleranceSeconds: seconds) else { throw .noHMAC }
    return WebhookEndpoint(
      loop: loop, verifier: verifier, recorder: recorder, metrics: metrics, logger: logger,
      bodyLimit: settings.bodyLimit)
  }

  private func jobsEndpoint(on loop: EventLoop) throws(StartError) -> JobsEndpoint {
    do throws(StoreError) {
      return JobsEndpoint(
        loop: loop, reader: try StoreReader(path: settings.databasePath), recorder: recorder,
        access: APIAccess(tokens: settings.apiTokens), lifecycle: lifecycle, metrics: metrics)
    } catch {
      throw .store(error)
    }
  }
}
