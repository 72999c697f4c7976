internal import ChangeFeed
internal import Crypto
internal import EventLoop
internal import GroupCommit
internal import HTTPClient
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Logging
internal import Ledger
internal import StoreSeam
internal import Observability
internal import RefusedRequests
internal import Reload
internal import Replicate
internal import Routing
internal import Scheduler
internal import Supervision
internal import System
internal import TLS
internal import WebhookIntake

/// The parts of one daemon, joined over the effects that it is given.
///
/// The loops bring sockets, clocks and randomness with them. ``Application`` passes loops on the machine's
/// kernel; a simulation passes one on a simulated kernel, and runs the same daemon.
struct Composition: Sendable {
  let settings: DaemonSettings
  let metrics: DaemonMetrics
  let queue: CommitQueue
  /// The commits of the queue, for those who wait for changes.
  var feed = ChangeFeed()
  /// The settings that a reload replaces, among them the webhook secrets.
  let live: LiveSettings
  /// The key of job tokens, which the database holds.
  let token: JobToken
  /// The keys of the capabilities, which the database holds too.
  let keys: StoredKeys
  /// Its loop is the scheduler's.
  let mailbox: Mailbox
  /// Opens the readers of the store.
  let readers: any StoreReaders
  let deliveryLog: LineLogHandler
  let logger: Logger
  let lifecycle = Lifecycle()

  /// Serves one listener's routes on `loop`.
  ///
  /// - Parameters:
  ///   - loop: the listener's, on which the endpoints run.
  ///   - tls: the context of sockets that use TLS.
  ///   - added: further routes, such as those of a simulation.
  ///   - ended: called once, on the loop, when the server has ended.
  func serve(
    _ purpose: ListenerPurpose, at sockets: [ServerSocket], on loop: EventLoop, tls: TLSContext? = nil,
    also added: sending [Route] = [], ended: @escaping @Sendable (ServerEnd) -> Void
  ) throws(StartError) -> Server {
    let refusalLog = RefusalLog(
      loop: loop, logger: logger,
      observers: purpose.servesWebhooks ? settings.capabilities.compactMap(\.refusalObserver) : [])
    let listeners = settings.listeners
    let server = Server(
      loop: loop, limits: listeners.limits,
      handler: ListenerHandler(
        routes: try routes(for: purpose, on: loop, also: added), trustedProxies: listeners.trustedProxies,
        tokens: live.tokens, metrics: metrics.listeners, logger: logger, refusalLog: refusalLog),
      trustedProxies: listeners.trustedProxies, tls: tls)
    loop.start {
      let end: ServerEnd
      do throws(SystemError) {
        end = ServerEnd(cutRequests: try await server.run(listeningOn: sockets))
      } catch {
        end = ServerEnd(error: error)
      }
      refusalLog.close()
      ended(end)
    }
    return server
  }

  /// The scheduler, which runs on its mailbox's loop.
  ///
  /// - Parameter client: reaches the provider. Without a token it is not used.
  func scheduler(client: (any HTTPClient)?) throws(StartError) -> Scheduler {
    let provider = settings.provider
    var api: ReplicateClient?
    if let client, let credentials = live.credentials {
      api = ReplicateClient(
        base: provider.apiURL, credentials: credentials,
        maxBodyBytes: settings.listeners.limits.message.maxBodyBytes, client: client)
    }
    return Scheduler(
      mailbox: mailbox, client: api, publicURL: provider.publicURL, rules: live.outputRules, token: token,
      reader: try openReader(), queue: queue, policy: schedulerPolicy, metrics: metrics.scheduler,
      logger: logger
    ) { [live, logger] in FetchedSecret.rotate(to: $0, in: live.secrets, logger: logger) }
  }

  /// The work of the capabilities in the background, to run on the scheduler's loop.
  ///
  /// - Parameter makeClient: see ``ServiceContext/makeClient``.
  func services(
    makeClient: @escaping (_ threads: Int, _ name: String) throws -> any HTTPClient
  ) throws(StartError) -> [any Service] {
    let context = ServiceContext(
      loop: mailbox.loop, queue: queue, changes: feed.makeReceiver(on: mailbox.loop), keys: keys,
      announced: settings.capabilities.compactMap(\.announcedDocuments), logger: logger,
      openReader: { () throws(StorageError) in try readers.openReader() },
      makeViews: { () throws(StorageError) in
        makeViews(on: mailbox.loop, over: try readers.openReader())
      }, makeClient: makeClient)
    return try StartError.converting { try settings.capabilities.compactMap { try $0.service(context) } }
  }

  var schedulerPolicy: SchedulerPolicy {
    SchedulerPolicy(
      settings: settings.provider, signatureTolerance: settings.intake.signatureTolerance,
      rate: live.creationRate,
      fetchesSecret: settings.provider.token != nil && settings.intake.secrets.isEmpty)
  }

  /// The API's reads on `loop`.
  func makeViews(on loop: EventLoop, over reader: any StoreReader) -> JobViews {
    JobViews(
      loop: loop, reader: reader, pace: mailbox.pace,
      adding: settings.capabilities.compactMap(\.jobMembers),
      owners: settings.capabilities.compactMap(\.jobOwner))
  }

  /// Opens a connection for reads, for one loop or thread.
  func openReader() throws(StartError) -> sending any StoreReader {
    do throws(StorageError) {
      return try readers.openReader()
    } catch {
      throw .store(error)
    }
  }
}

extension Ledger {
  /// The ledger of `store` with the daemon's rules and capabilities.
  ///
  /// - Parameter owner: names this process among those that share the store.
  convenience init(
    of store: sending any Store, for settings: DaemonSettings, owner: String = newOwner()
  ) {
    let context = ReactionContext(copies: settings.capabilities.compactMap(\.keptCopies))
    self.init(
      store: store,
      rules: LedgerRules(
        polling: settings.provider.pollPolicy,
        validateOutput: RequestedOutput(beside: settings.provider.outputRules).validate,
        restore: ErasedData.restore, owner: owner,
        retainingKinds: Set(settings.capabilities.flatMap(\.workKinds)),
        endGate: settings.capabilities.lazy.compactMap(\.endGate).first),
      hooks: settings.capabilities.compactMap(\.hook),
      reactions: settings.capabilities.compactMap { $0.reaction(context) })
  }
}

extension Ledger {
  /// A name that no other process has, nor an earlier life of this one.
  static func newOwner() -> String { String(UInt64.random(in: .min ... .max), radix: 16) }
}

extension JobToken {
  /// The token with the stored key.
  ///
  /// - Parameter newKey: stored if there is none.
  init(storedBy ledger: Ledger, newKey: [UInt8] = makeKey()) throws(StorageError) {
    self.init(
      key: try ledger.commit { (transaction) throws(StorageError) in
        try transaction.key(Self.keyName, orStore: newKey)
      })
  }
}

extension StoredKeys {
  /// The stored keys of all capabilities.
  ///
  /// - Parameter newKey: stored for each that there is not.
  init(storedBy ledger: Ledger, newKey: [UInt8]? = nil) throws(StorageError) {
    self.init(
      try ledger.commit { (transaction) throws(StorageError) in
        var keys: [String: [UInt8]] = [:]
        for name in Capabilities.keys {
          keys[name] = try transaction.key(name, orStore: newKey ?? RandomBytes.make(Self.keyLength))
        }
        return keys
      })
  }
}
