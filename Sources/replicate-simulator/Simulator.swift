internal import EventLoop
internal import HTTPClient
internal import HTTPServer
internal import HTTPWire
internal import StandardWebhooks
internal import System
internal import Time

/// Assembles the event loop, the API, the provider and the webhook senders.
///
/// The loop runs the API and the predictions; threads send webhooks.
struct Simulator {
  private let options: SimulatorOptions
  private let secret: Secret
  private let token: String?
  private let models: Models
  private let console: Console
  private let clock = SimulatorClock()

  init(_ options: SimulatorOptions) throws(StartFailure) {
    self.options = options
    console = Console(isQuiet: options.quiet)
    secret = try Self.secret(options.secretFile)
    token = try options.apiTokenFile.map { path throws(StartFailure) in
      guard let token = Console.firstWord(of: path) else {
        throw .configuration("--api-token-file: \(path) cannot be read, or is empty")
      }
      return token
    }
    models = try options.models.map(ModelsFile.read) ?? .builtIn
  }

  /// Serves until SIGINT or SIGTERM.
  func run() throws(StartFailure) {
    guard let address = SocketAddress(options.listen), address.port != nil else {
      throw .configuration("--listen: give an address and a port, such as 127.0.0.1:9000")
    }
    let (loop, descriptor, bound) = try listen(on: address)
    let url = options.publicURL.map(Self.withoutSlash) ?? "http://\(bound)"
    let queues = (0..<options.senders).map { _ in BlockingQueue<WebhookAttempt>(capacity: 1) }
    let provider = Provider(
      settings: settings(publicURL: url), loop: loop, clock: clock, queues: queues, console: console)
    try startSenders(queues, reportingTo: provider, on: loop)
    try serve(provider, on: loop, through: descriptor)
    console.print("http://\(bound)")
    console.note("set REPLICATE_BASE_URL=\(url) for Replicate's Python library; --help lists the models")
    _ = Signals.next()
  }

  private func listen(
    on address: SocketAddress
  ) throws(StartFailure) -> (loop: EventLoop, descriptor: Int32, bound: SocketAddress) {
    do throws(SystemError) {
      let kernel = try LinuxKernel()
      let (descriptor, bound) = try kernel.listen(on: address, mode: nil, backlog: ServerLimits().backlog)
      return (EventLoop(kernel: kernel), descriptor, bound)
    } catch {
      throw .unavailable("\(address): \(error)")
    }
  }

  private func serve(
    _ provider: Provider, on loop: EventLoop, through descriptor: Int32
  ) throws(StartFailure) {
    var limits = ServerLimits()
    let bodyLimit = limits.message.maxBodyBytes
    limits.message.maxBodyBytes = FileUpload.maxBodySize
    let handler = APIHandler(
      loop: loop, provider: provider, secret: secret, token: token, latency: options.latency.duration,
      bodyLimit: bodyLimit)
    let server = Server(loop: loop, limits: limits, handler: handler)
    loop.start { await provider.run() }
    loop.start { [console] in
      do throws(SystemError) {
        _ = try await server.run(listeningOn: [ServerSocket(descriptor: descriptor)])
      } catch {
        console.note("the server stopped: \(error)")
      }
    }
    do throws(SystemError) {
      _ = try Thread(named: "simulator") { loop.run() }
    } catch {
      throw .unavailable("\(error)")
    }
  }

  private func startSenders(
    _ queues: [BlockingQueue<WebhookAttempt>], reportingTo provider: Provider, on loop: EventLoop
  ) throws(StartFailure) {
    for (index, queue) in queues.enumerated() {
      let sender = WebhookSender(
        queue: queue, secret: secret, clock: clock, timeout: options.webhookTimeout.duration)
      let client: BlockingHTTPClient
      do throws(HTTPClientError) { client = try BlockingHTTPClient() } catch {
        throw .unavailable("\(error)")
      }
      do throws(SystemError) {
        _ = try Thread(named: "sender") {
          sender.run(client) { attempt, outcome in
            loop.start { await provider.attemptEnded(attempt, outcome, of: index) }
          }
        }
      } catch {
        throw .unavailable("\(error)")
      }
    }
  }

  private func settings(publicURL: String) -> Provider.Settings {
    var generator = SystemRandomNumberGenerator()
    var settings = Provider.Settings()
    settings.publicURL = publicURL
    settings.outputBase = options.outputBase.map(Self.withoutSlash) ?? publicURL
    settings.outputLifetime = options.outputLifetime.duration
    settings.models = models
    settings.duration = options.duration.duration
    settings.createsPerMinute = options.createRate
    settings.credit = options.credit
    settings.maxPredictions = options.maxPredictions
    settings.listsWebhooks = options.listWebhooks
    settings.retries = RetrySchedule(window: options.retryWindow.duration)
    settings.faults = Faults(
      probabilities: Faults.Probabilities(
        losing: options.lose, duplicating: options.duplicate, reordering: options.reorder,
        failing: options.apiErrors, failingFiles: options.fileErrors),
      seed: options.seed ?? generator.next())
    settings.identifiers = Identifiers(run: generator.next())
    return settings
  }

  private static func withoutSlash(_ url: String) -> String {
    url.hasSuffix("/") ? String(url.dropLast()) : url
  }

  /// The daemon's variable; of several secrets the first one signs.
  private static let secretVariable = "REPLICATE_WEBHOOK_SECRET"

  private static func secret(_ path: String?) throws(StartFailure) -> Secret {
    let (text, source): (String?, String)
    if let path {
      (text, source) = (Console.firstWord(of: path), "--secret-file")
      guard text != nil else { throw .configuration("--secret-file: \(path) cannot be read, or is empty") }
    } else {
      (text, source) = (Console.firstWord(ofVariable: secretVariable), secretVariable)
    }
    guard let text else { return .generate() }
    do throws(SecretError) {
      return try Secret(text)
    } catch {
      throw .configuration("\(source): \(error)")
    }
  }
}
