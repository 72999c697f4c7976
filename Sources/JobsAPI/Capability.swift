package import APITokens
internal import HTTPWire
package import ChangeFeed
package import ClientAddress
package import EventLoop
package import GroupCommit
package import HTTPClient
package import HTTPServer
package import JobRequests
package import Ledger
package import StoreSeam
package import Tables
package import Logging
package import Observability
package import RefusedRequests
package import Routing
package import Settings
package import Work

/// A part of the daemon that can be left out: one room, and one line in `Daemon`.
package protocol Capability: Sendable {
  /// The settings that only this capability reads.
  static var settings: [SettingVariable] { get }

  /// The tables of the capability, which exist whether it is on or off.
  static var tables: [TableDeclaration] { get }

  /// The names of keys that the store keeps for the capability. Each is made at random when first needed.
  static var keys: [String] { get }

  init(from reader: inout SettingsReader)

  /// Adds the capability's writes to commits. Nil where it writes nothing with them.
  var hook: (any TransactionHook)? { get }

  /// Follows changes of jobs with further commands. Nil where the capability has none.
  func reaction(_ context: ReactionContext) -> (any TransactionReaction)?

  /// Where it keeps the files of outputs. Nil where it keeps none that others can fetch.
  var keptCopies: (any KeptCopies)? { get }

  /// What jobs may belong to. Nil where it changes no job's rules.
  var jobOwner: (any JobOwner)? { get }

  /// The documents of its announcements. Nil where it announces nothing.
  var announcedDocuments: (any AnnouncedDocuments)? { get }

  /// Holds back the successes of jobs. Nil where the capability holds none.
  var endGate: (any EndGate)? { get }

  /// The kinds of the capability's work. A job with such work is not pruned.
  var workKinds: [WorkKind] { get }

  /// Checks the member `callback` of requests. Nil where the capability sends nothing to apps.
  var callbackCheck: CallbackCheck? { get }

  /// Whether it keeps the files of outputs, so that a request may have the member `archive`.
  var keepsFiles: Bool { get }

  /// What it adds to the documents of jobs. Nil where it adds nothing.
  var jobMembers: (any JobMembers)? { get }

  var metrics: [any MetricFamily] { get }

  /// Receives the refusals that may be deliveries. Nil where it uses none.
  var refusalObserver: (any RefusalObserver)? { get }

  /// Where this API redirects reads of files to, as sources of a Content-Security-Policy.
  var fileSources: [String] { get }

  /// The capability's routes of the jobs API.
  func routes(_ api: APIContext) -> [Route]

  /// Opens reads of single jobs to others than the API's clients. Nil where it opens none.
  func jobSharing(_ keys: StoredKeys) -> JobSharing?

  /// Lets people use the API with sessions. Nil where the capability keeps none.
  func sessions(_ keys: StoredKeys, of tokens: TokenList) -> (any SessionVerifier)?

  /// Reads the files of its secrets again, after SIGHUP.
  func reload()

  /// Takes over what may change on a reload from `new`, the same capability as the settings now are.
  func adopt(_ new: any Capability)

  /// The capability's work in the background. Nil where it has none.
  func service(_ context: ServiceContext) throws -> (any Service)?

  /// Tries what the capability needs beyond the database. Returns lines for the command `check`.
  func check() -> [String]
}

extension Capability {
  package static var settings: [SettingVariable] { [] }
  package static var tables: [TableDeclaration] { [] }
  package static var keys: [String] { [] }
  package var hook: (any TransactionHook)? { nil }
  package func reaction(_ context: ReactionContext) -> (any TransactionReaction)? { nil }
  package var keptCopies: (any KeptCopies)? { nil }
  package var jobOwner: (any JobOwner)? { nil }
  package var announcedDocuments: (any AnnouncedDocuments)? { nil }
  package var endGate: (any EndGate)? { nil }
  package var workKinds: [WorkKind] { [] }
  package var callbackCheck: CallbackCheck? { nil }
  package var keepsFiles: Bool { false }
  package var jobMembers: (any JobMembers)? { nil }
  package var metrics: [any MetricFamily] { [] }
  package var refusalObserver: (any RefusalObserver)? { nil }
  package var fileSources: [String] { [] }
  package func routes(_ api: APIContext) -> [Route] { [] }
  package func jobSharing(_ keys: StoredKeys) -> JobSharing? { nil }
  package func sessions(_ keys: StoredKeys, of tokens: TokenList) -> (any SessionVerifier)? { nil }
  package func reload() {}
  package func adopt(_ new: any Capability) {}
  package func service(_ context: ServiceContext) throws -> (any Service)? { nil }
  package func check() -> [String] { [] }
}

/// What the reactions share.
package struct ReactionContext: Sendable {
  /// Those of all capabilities.
  package let copies: [any KeptCopies]

  package init(copies: [any KeptCopies]) { self.copies = copies }
}

/// Refuses a request's `callback`.
package typealias CallbackCheck = @Sendable (CallbackRequest) throws(Problem) -> Void

extension CallbackCheck? {
  /// Refuses a callback that is not allowed, and each where none is sent.
  package func apply(to callback: CallbackRequest) throws(Problem) {
    guard let self else {
      throw Problem(
        .unprocessableContent, .invalidRequest,
        "`callback`: this daemon sends nothing to apps; leave the member out, and read the job")
    }
    try self(callback)
  }
}

/// Work in the background, on the scheduler's loop.
package protocol Service: Sendable {
  /// Works until its task is canceled.
  func run() async
}

/// What a listener's routes share, used on its loop only.
package struct APIContext {
  /// The API's reads.
  package let views: JobViews
  /// The API's access rules.
  package let access: APIAccess
  /// The API's reads of one job.
  package let reads: JobReads
  package let metrics: JobsAPIMetrics
  /// The API's writes.
  package let recorder: Recorder
  /// The changes that were committed.
  package let changes: FeedReceiver
  /// The keys that the capabilities have declared.
  package let keys: StoredKeys
  package let limits: OrdersEndpoint.Limits
  /// Refuses callbacks. Nil where nothing is sent to apps.
  package let callbackCheck: CallbackCheck?
  /// Whether the files of outputs can be kept.
  package let keepsFiles: Bool
  /// Those of all capabilities.
  package let announced: [any AnnouncedDocuments]
  /// Those of all capabilities.
  package let fileSources: [String]
  /// The proxies whose reports of client addresses are used.
  private let trustedProxies: TrustedProxies
  /// Called when there is a new order or cancel request.
  package let wakeScheduler: @Sendable () -> Void

  package init(
    views: JobViews, access: APIAccess, reads: JobReads, metrics: JobsAPIMetrics, recorder: Recorder,
    changes: FeedReceiver, keys: StoredKeys, limits: OrdersEndpoint.Limits,
    callbackCheck: CallbackCheck? = nil, keepsFiles: Bool = false, announced: [any AnnouncedDocuments] = [],
    fileSources: [String] = [], trustedProxies: TrustedProxies = .none,
    wakeScheduler: @escaping @Sendable () -> Void
  ) {
    self.views = views
    self.access = access
    self.reads = reads
    self.metrics = metrics
    self.recorder = recorder
    self.changes = changes
    self.keys = keys
    self.limits = limits
    self.callbackCheck = callbackCheck
    self.keepsFiles = keepsFiles
    self.announced = announced
    self.fileSources = fileSources
    self.trustedProxies = trustedProxies
    self.wakeScheduler = wakeScheduler
  }

  /// The client of a request; nil for this machine, a unix socket, or a trusted proxy itself.
  package func client<Admitted>(of request: RoutedRequest<Admitted>) -> ClientKey? {
    ClientKey(of: request.head, from: request.peer, trusting: trustedProxies)
  }
}

/// What the services share.
package struct ServiceContext {
  /// On which the services run.
  package let loop: EventLoop
  package let queue: CommitQueue
  /// The changes that were committed.
  package let changes: FeedReceiver
  /// The keys that the capabilities have declared.
  package let keys: StoredKeys
  /// Those of all capabilities.
  package let announced: [any AnnouncedDocuments]
  package let logger: Logger
  /// Opens a reader for one service.
  package let openReader: () throws(StorageError) -> sending any StoreReader
  /// Makes the API's reads for one service, over a reader of its own.
  package let makeViews: () throws(StorageError) -> sending JobViews
  /// Makes a client of which `threads` calls block at a time.
  package let makeClient: (_ threads: Int, _ name: String) throws -> any HTTPClient

  package init(
    loop: EventLoop, queue: CommitQueue, changes: FeedReceiver, keys: StoredKeys,
    announced: [any AnnouncedDocuments] = [], logger: Logger,
    openReader: @escaping () throws(StorageError) -> sending any StoreReader,
    makeViews: @escaping () throws(StorageError) -> sending JobViews,
    makeClient: @escaping (_ threads: Int, _ name: String) throws -> any HTTPClient
  ) {
    self.loop = loop
    self.queue = queue
    self.changes = changes
    self.keys = keys
    self.announced = announced
    self.logger = logger
    self.openReader = openReader
    self.makeViews = makeViews
    self.makeClient = makeClient
  }
}
