import EventLoop
import Glibc
import HTTPServer
import HTTPWire
import Jobs
import ReplicateAPI
import Store
import Testing

@testable import Receiver

/// What a search makes of the provider's list, with a real client, a real list and a real store.
@Suite struct PredictionSearchTests {
  @Test func whatIsListedIsBoundToItsJob() throws {
    let search = try Search(certainIn: 0) { token in
      let url = token.webhookURL(publicURL: "https://h.example", jobID: "a") ?? ""
      return #"{"results":[{"id":"p1","status":"succeeded","output":"x","webhook":"\#(url)"}],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .placed)
    let row = try #require(try StoreReader(path: search.path).history(ofJob: 1, after: 0, limit: 9).first)
    #expect(row.source == .list && row.outcome == .applied)
  }

  @Test func anAbsenceThatCountsLetsTheCallBeMadeAgain() throws {
    let search = try Search(certainIn: -1000) { _ in #"{"results":[],"next":null}"# }
    try search.run()
    #expect(try search.stage == .queued)
  }

  @Test func anAbsenceThatDoesNotCountYetLetsItBeLookedForAgain() throws {
    let search = try Search(certainIn: 60_000) { _ in #"{"results":[],"next":null}"# }
    try search.run()
    #expect(try search.stage == .unanswered)
  }

  /// What was made after a page was asked for is not on it: the moment at which an absence counts must be before.
  @Test func anAbsenceCountsByWhenTheListWasAskedFor() throws {
    let certain = WallClock.milliseconds + 200
    let search = try Search(certainAt: certain) { _ in
      while WallClock.milliseconds <= certain { poll(nil, 0, 5) }
      return #"{"results":[],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .unanswered)
  }

  /// Whoever signs with another key names no job of ours.
  @Test func aPredictionWithAWrongTokenIsNobodys() throws {
    let search = try Search(certainIn: 60_000) { _ in
      let url = "https://h.example/webhooks/replicate?job=a.\(String(repeating: "0", count: 32))"
      return #"{"results":[{"id":"p1","status":"succeeded","output":"x","webhook":"\#(url)"}],"next":null}"#
    }
    try search.run()
    #expect(try search.stage == .unanswered)
  }
}

/// A store with one order, "a", whose call had no answer, and a provider that lists what it is told to.
private final class Search {
  let context: ProviderContext
  private let store: CommittingStore
  private let client: ReplicateClient
  private let step: OrderStep
  private let loop: EventLoop
  private let serving: Thread

  var path: String { store.path }

  convenience init(certainIn milliseconds: Int64, list: @escaping @Sendable (JobToken) -> String) throws {
    try self.init(certainAt: WallClock.milliseconds + milliseconds, list: list)
  }

  init(certainAt certain: Int64, list: @escaping @Sendable (JobToken) -> String) throws {
    store = try CommittingStore()
    let token = JobToken(key: JobToken.makeKey())
    let kernel = try LinuxKernel()
    let (descriptor, address) = try kernel.listen(
      on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 64)
    let loop = EventLoop(kernel: kernel)
    let server = Server(loop: loop, limits: ServerLimits(), handler: ListHandler { list(token) })
    loop.start { _ = try? await server.run(listeningOn: [ServerSocket(descriptor: descriptor)]) }
    self.loop = loop
    serving = try Thread(named: "list") { loop.run() }
    context = ProviderContext(
      publicURL: "https://h.example", token: token, queue: store.queue, rules: OutputRules(),
      metrics: store.metrics, logger: store.logger, newSecret: { _ in })
    let apiToken = try #require(APIToken("r8_of_a_stand_in"))
    client = try ReplicateClient(base: "http://\(address)", token: apiToken, isStopping: { false })
    step = try Self.unansweredStep(store.queue, certainAt: Timestamp(milliseconds: certain))
  }

  deinit {
    loop.stop()
    serving.join()
  }

  func run() throws {
    #expect(PredictionSearch(client: client, context: context).run([step]) == nil)
  }

  var stage: OrderStage? {
    get throws { try StoreReader(path: path).order(ofJob: step.order.number)?.stage }
  }

  private static func unansweredStep(_ queue: CommitQueue, certainAt certain: Timestamp) throws -> OrderStep {
    let now = Timestamp(milliseconds: WallClock.milliseconds)
    let order = try CommittingStore.order("a", at: now)
    let steps = queue.write { transaction throws(StoreError) in
      _ = try transaction.place(order)
      let sending = try transaction.takeOrderSteps(at: now, creates: 1, cancels: 0, finds: 0, patience: 1000)
      for step in sending {
        try transaction.noteUnanswered(step.order, nextLook: now, certain: certain)
      }
      return try transaction.takeOrderSteps(at: now, creates: 0, cancels: 0, finds: 1, patience: 1000)
    }
    return try #require(try steps.get().first)
  }
}

private final class ListHandler: RequestHandler {
  private let list: () -> String

  init(list: @escaping () -> String) {
    self.list = list
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission { .receive(bodyLimit: 1024) }

  func respond(to request: Request) async -> Response {
    Response(status: .ok, fields: [("Content-Type", "application/json")], body: Array(list().utf8))
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Response(status: .badRequest) }

  func observe(_ event: ConnectionEvent) {}
}
