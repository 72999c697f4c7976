import ChangeFeed
import EventLoop
import Jobs
import Ledger
import StoreSeam
import Samples
import Simulation
import StoreFixture

@testable import Time

/// Writers and readers of one store on a simulated loop.
///
/// Writers change jobs at random. Readers are fast or slow, and reconnect with their cursors. At the end each
/// reader must know the newest state of every job, and no deleted one.
final class FeedSimulation: @unchecked Sendable {
  enum Fault: CaseIterable {
    /// The store's feed skips an entry.
    case skippedNumber
    /// A commit is not published.
    case lostPublication
    /// The store forgets that it deleted tombstones.
    case forgottenAge
    /// Readers subscribe after they have read.
    case lateSubscription
  }

  private let backend: any StoreBackend
  private let kernel: SimulatedKernel
  private let loop: EventLoop
  private let ledger: Ledger
  private let reader: any StoreReader
  private let feed = ChangeFeed()
  private let receiver: FeedReceiver
  private let fault: Fault?

  private var commitsLeft = 60
  /// The last change of each commit, and when it was published.
  private var publications: [(change: Int64, moment: MonotonicTime)] = []
  private var lastPublished: Int64 { publications.last?.change ?? 0 }
  private var publishesAt: MonotonicTime
  private var jobCount = 0
  private var deliveryCount = 0
  private var readersLeft = 0
  private(set) var findings: [String] = []
  private(set) var counts = Counts()

  struct Counts {
    var pages = 0
    var deletions = 0
    var tooOld = 0
    var reconnects = 0
    var wakes = 0
  }

  init(seed: UInt64, fault: Fault? = nil) throws {
    self.fault = fault
    backend = try StoreKind.current.makeBackend(isDurable: false)
    kernel = SimulatedKernel(seed: seed, faults: .none)
    loop = EventLoop(kernel: kernel)
    ledger = Ledger(store: try backend.open(tables: []))
    let reader = try backend.openReader()
    self.reader = fault == nil ? reader : FaultyReader(reader, fault, kernel)
    receiver = feed.makeReceiver(on: loop)
    publishesAt = kernel.monotonicTime
  }

  func run() {
    loop.start { [self] in await write() }
    for index in 0..<4 {
      readersLeft += 1
      loop.start { [self] in
        await follow(FeedClient(isSlow: index % 2 == 1))
        readersLeft -= 1
      }
    }
    // Bounds a run that does not end; a normal one takes a few thousand turns.
    for _ in 0..<100_000 where readersLeft > 0 || commitsLeft > 0 { loop.turn() }
    if readersLeft > 0 { findings.append("\(readersLeft) readers do not end") }
  }

  private var now: Timestamp { Timestamp(milliseconds: kernel.wallTimeMilliseconds) }

  private func pause(upTo minutes: Int) async {
    let seconds = Int.random(in: 0...60 * minutes, using: &kernel.random)
    _ = await loop.sleep(until: loop.now + .seconds(seconds))
  }
}

// MARK: - Writers

extension FeedSimulation {
  private func write() async {
    while commitsLeft > 0 {
      await pause(upTo: 12)
      do {
        let count = Int.random(in: 1...4, using: &kernel.random)
        let commands = (0..<count).map { _ in command() }
        var rest = commands[...]
        while !rest.isEmpty {
          let commit = try ledger.commit(rest)
          rest = rest.dropFirst(commit.count)
          publish(commit.changes)
        }
      } catch {
        findings.append("a commit failed: \(error)")
      }
      commitsLeft -= 1
    }
  }

  /// Publishes in the order of the commits, some time after them.
  private func publish(_ changes: [CommittedChange]) {
    guard let last = changes.last else { return }
    let delay = Duration.milliseconds(Int.random(in: 0...50, using: &kernel.random))
    publishesAt = max(publishesAt, kernel.monotonicTime) + delay
    kernel.after(publishesAt - kernel.monotonicTime) { [self] in
      publications.append((last.change, kernel.monotonicTime))
      if fault == .lostPublication, kernel.random.happens(onceIn: 10) { return }
      feed.publish(changes)
    }
  }

  private func command() -> any LedgerCommand {
    let now = now
    let job = "job-\(Int.random(in: 0...jobCount, using: &kernel.random))"
    let prediction = "prediction-\(Int.random(in: 0...jobCount, using: &kernel.random))"
    switch Int.random(in: 0..<12, using: &kernel.random) {
    case 0..<3:
      jobCount += 1
      let order = Order(
        id: "job-\(jobCount)", idempotencyKey: nil, digest: .repeating(1), request: Array("{}".utf8),
        model: "owner/model", createdAt: now, timeout: nil, retries: 0)
      return LedgerWork { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }
    case 3..<8:
      let delivery = delivery(of: prediction)
      return LedgerWork(reading: .of(delivery)) { (transaction) throws(StorageError) in
        _ = try transaction.record(delivery)
      }
    case 8:
      return LedgerWork { (transaction) throws(StorageError) in _ = try transaction.cancel(job, at: now) }
    case 9..<11:
      let name = kernel.random.happens(onceIn: 2) ? job : prediction
      return LedgerWork { (transaction) throws(StorageError) in
        _ = try transaction.deleteJob(name, tombstoneUntil: now.advanced(byMilliseconds: 3_600_000))
      }
    default:
      return LedgerWork { (transaction) throws(StorageError) in
        _ = try transaction.prune(
          endedBefore: now.advanced(byMilliseconds: -7_200_000), at: now, after: 0, count: 100)
      }
    }
  }

  private func delivery(of prediction: String) -> Delivery {
    deliveryCount += 1
    let states: [(String, Phase)] = [
      ("starting", .pending), ("processing", .running), ("processing", .running), ("succeeded", .succeeded),
      ("canceled", .canceled),
    ]
    let (status, phase) = states.randomElement(using: &kernel.random) ?? ("starting", .pending)
    // Some deliveries name their job late, so that an orphan is merged into it.
    let number = prediction.split(separator: "-").last.map(String.init) ?? ""
    return Delivery(
      webhookID: "delivery-\(deliveryCount)", receivedAt: now,
      snapshot: Snapshot(
        predictionID: prediction, providerStatus: status, phase: phase, model: "owner/model",
        evidence: Evidence(
          logsSize: deliveryCount, outputSize: 0, digest: .repeating(UInt8(deliveryCount % 256)))),
      body: Array("{}".utf8), namedJob: kernel.random.happens(onceIn: 2) ? "job-\(number)" : nil)
  }
}

// MARK: - Readers

/// What one app knows of the jobs.
private final class FeedClient {
  let isSlow: Bool
  /// The change of each job.
  var known: [String: Int64] = [:]
  var cursor: Cursor?
  var isOver = false

  init(isSlow: Bool) { self.isSlow = isSlow }
}

extension FeedSimulation {
  private func follow(_ client: FeedClient) async {
    // Ends when the client has read the last change, or will not be woken for it.
    while !client.isOver {
      await connect(client)
      counts.reconnects += 1
      // As a header of the next request.
      let text = client.cursor?.text
      client.cursor = text.flatMap { Cursor($0) }
      if client.cursor?.text != text { findings.append("a cursor is not read as it was printed") }
      await pause(upTo: client.isSlow ? 300 : 1)
    }
    await compare(client)
  }

  /// Follows the feed on one connection, which ends at random.
  private func connect(_ client: FeedClient) async {
    if fault == .lateSubscription {
      await readPages(client)
      await pause(upTo: 1)
    }
    let subscription = receiver.subscribe(to: .all)
    // Ends with the connection.
    while !client.isOver {
      if fault != .lateSubscription { await readPages(client) }
      if isFinished(client) { client.isOver = true }
      if client.isOver || kernel.random.happens(onceIn: 8) { return }
      switch await subscription.wait(after: client.cursor?.number ?? 0, until: loop.now + .seconds(864_000)) {
      case .changed:
        counts.wakes += 1
        checkPunctuality(of: client)
      case .deadline, .canceled:
        if let cursor = client.cursor, cursor.number < lastPublished {
          findings.append("a reader at \(cursor.text) is not woken for \(lastPublished)")
          client.isOver = true
        }
      }
      if fault == .lateSubscription { await readPages(client) }
    }
  }

  /// Checks that a reader, which was waiting, is woken by the first change that is new to it.
  private func checkPunctuality(of client: FeedClient) {
    guard !client.isSlow, let cursor = client.cursor,
      let first = publications.first(where: { $0.change > cursor.number }),
      first.moment + .seconds(1) < loop.now
    else { return }
    findings.append("a reader at \(cursor.text) is woken late for \(first.change)")
  }

  private func isFinished(_ client: FeedClient) -> Bool {
    commitsLeft == 0 && publishesAt <= loop.now && client.cursor?.number == lastPublished
  }

  private func readPages(_ client: FeedClient) async {
    // Ends with the last page.
    while true {
      let limit = Int.random(in: 1...20, using: &kernel.random)
      do throws(FeedFailure) {
        let page = try await FeedReader(reader).page(after: client.cursor, limit: limit)
        counts.pages += 1
        for entry in page.entries {
          client.known[entry.id] = entry.job == nil ? nil : entry.change
          if entry.job == nil { counts.deletions += 1 }
        }
        client.cursor = page.next
        guard page.hasMore else { return }
      } catch {
        guard error == .refused(.tooOld) else {
          findings.append("a page is not read: \(error)")
          return
        }
        counts.tooOld += 1
        (client.known, client.cursor) = ([:], nil)
      }
      if client.isSlow { await pause(upTo: 30) }
    }
  }

  private func compare(_ client: FeedClient) async {
    do {
      var stored: [String: Int64] = [:]
      for job in try await reader.jobs(matching: JobFilter(), before: nil, limit: 10_000).jobs {
        stored[job.id] = try await reader.job(job.id)?.change
      }
      for id in Set(stored.keys).union(client.known.keys).sorted() where stored[id] != client.known[id] {
        let (newest, known) = (stored[id] ?? 0, client.known[id] ?? 0)
        findings.append("\(id): the store is at change \(newest), a reader at \(known)")
      }
    } catch {
      findings.append("the jobs are not read: \(error)")
    }
  }
}
