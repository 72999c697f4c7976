internal import APITokens
internal import EventLoop
internal import HTTPServer
internal import JobsAPI
internal import Logging
internal import Observability
internal import Scheduler
internal import ServerMetrics
internal import Supervision
internal import System
internal import TLS

/// Starts a listener: its sockets, its loop, and the routes that it serves.
struct ListenerBuilder {
  let composition: Composition
  let handedOver: SocketActivation
  /// The TLS context of the listener that receives deliveries.
  let tls: TLSContext?
  let ended: @Sendable (ServerEnd) -> Void

  private var settings: DaemonSettings { composition.settings }

  func start(_ purpose: ListenerPurpose, on addresses: [ListenAddress]) throws(StartError) -> RunningListener
  {
    let kernel = try makeKernel()
    let tls = purpose.servesWebhooks ? tls : nil
    let opened = try ListeningSockets(
      activation: handedOver, kernel: kernel, backlog: settings.listeners.limits.backlog, usesTLS: tls != nil
    ).open(addresses, for: purpose.variable)
    try requireLoopback(opened.map(\.address), for: purpose)
    let loop = EventLoop(kernel: kernel, lag: composition.metrics.listeners.lag(of: purpose.rawValue))
    let server = try composition.serve(
      purpose, at: opened.map(\.socket), on: loop, tls: tls, ended: ended)
    do throws(SystemError) {
      let listener = try RunningListener(named: purpose.rawValue, server: server, loop: loop)
      for (socket, address) in opened {
        composition.logger.log(.listening(on: "\(address)", usesTLS: socket.usesTLS, details(of: purpose)))
      }
      return listener
    } catch {
      throw .system(error)
    }
  }

  /// The settings that matter to a purpose: the webhook URL, and whether the provider is called.
  private func details(of purpose: ListenerPurpose) -> LogFields {
    var details: LogFields = ["purpose": .text(purpose.rawValue)]
    if purpose.servesWebhooks {
      details["webhook_url"] = .text(settings.provider.publicURL.map { "\($0)/webhooks/replicate" } ?? "none")
    }
    if purpose.servesAPI {
      details["replicate_token"] = .text(settings.provider.token == nil ? "none" : "set")
    }
    return details
  }

  private func makeKernel() throws(StartError) -> LinuxKernel {
    do throws(SystemError) {
      return try LinuxKernel()
    } catch {
      throw .system(error)
    }
  }

  /// Requires loopback addresses for an API without tokens.
  ///
  /// The settings do not have the addresses of sockets that are handed over, so those are checked here.
  private func requireLoopback(
    _ addresses: [SocketAddress], for purpose: ListenerPurpose
  ) throws(StartError) {
    guard purpose == .api, settings.access.tokens.isEmpty else { return }
    for address in addresses where !address.isLoopback { throw .openToOthers(address) }
  }
}

extension ListenerPurpose {
  fileprivate var variable: String { servesWebhooks ? "WEBHOOK_LISTEN" : "API_LISTEN" }
}
