import Ledger
import Jobs
import StoreSeam
import PostgreSQLServer
import Simulation
import StoreFixture
import Testing
import Time

/// Several nodes receive deliveries of the same jobs.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct RaceTests {
  /// As a balancer does that retries, or a provider that sends twice.
  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `the same deliveries to three nodes at once have one effect`(_ seed: UInt64) async throws {
    let database = try SharedDatabase()
    let node = database.node()
    let predictions = (0..<100).map { "p\($0)" }
    var random = SeededGenerator(seed: seed)
    let lives = predictions.map { randomLife(of: $0, &random) }
    let deliveries = Self.interleaved(lives)
    let outcomes = try concurrently(3) { index in
      let ledger = try node.ledger()
      var random = SeededGenerator(seed: seed * 100 + UInt64(index))
      var (rest, outcomes): (ArraySlice<Delivery>, [String: DeliveryOutcome]) = (deliveries[...], [:])
      while !rest.isEmpty {
        let batch = Array(rest.prefix(Int.random(in: 1...24, using: &random)))
        rest = rest.dropFirst(batch.count)
        for (delivery, recording) in zip(batch, try ledger.commit(batch)) {
          outcomes[delivery.webhookID] = recording.outcome
        }
      }
      return outcomes
    }
    for delivery in deliveries {
      let first = outcomes.count { $0[delivery.webhookID] != .duplicate }
      #expect(first == 1, "\(delivery.webhookID) was new to \(first) nodes, seed \(seed)")
    }
    let differences = try await OneReceiver(deliveries)
      .differences(in: database.reader, predictions: predictions)
    #expect(differences.isEmpty, "seed \(seed): \(differences.prefix(3).joined(separator: "\n"))")
    #expect(try database.strayRows().isEmpty)
  }

  /// All orders of four deliveries, each by either of two nodes: 384 jobs at once.
  @Test func `every order of a job's deliveries over two nodes makes the job of one node`() async throws {
    let database = try SharedDatabase()
    let ledgers = try [database.node("a").ledger(), database.node("b").ledger()]
    var cases: [(id: String, life: [Delivery], nodes: Int)] = []
    for (number, order) in permutations(of: Array(0..<4)).enumerated() {
      for nodes in 0..<16 {
        let id = "p\(number)-\(nodes)"
        let life = Sample.life(of: id, prefix: id + "-")
        cases.append((id, order.map { life[$0] }, nodes))
      }
    }
    for step in 0..<4 {
      for (index, ledger) in ledgers.enumerated() {
        let batch = cases.filter { $0.nodes >> step & 1 == index }.map { $0.life[step] }
        #expect(try ledger.commit(batch).count == batch.count)
      }
    }
    let differences = try await OneReceiver(cases.flatMap(\.life))
      .differences(in: database.reader, predictions: cases.map(\.id))
    #expect(differences.isEmpty, "\(differences.prefix(3).joined(separator: "\n"))")
    // The order in the history is the order in which the nodes received them.
    for one in cases {
      let history = try #require(try await database.reader.history(ofJob: one.id, after: 0, limit: 9))
      #expect(history.entries.map(\.webhookID) == one.life.map(\.webhookID))
    }
    #expect(try database.strayRows().isEmpty)
  }

  /// Each node has some deliveries of each job.
  @Test(arguments: 11...13 as ClosedRange<UInt64>)
  func `deliveries of one job to two nodes at once make the job of one node`(_ seed: UInt64) async throws {
    let database = try SharedDatabase()
    let node = database.node()
    let predictions = (0..<120).map { "p\($0)" }
    var random = SeededGenerator(seed: seed)
    let lives = predictions.map { randomLife(of: $0, &random).shuffled(using: &random) }
    let all = Self.interleaved(lives)
    let parts = (0..<2).map { index in all.enumerated().filter { $0.offset % 2 == index }.map(\.element) }
    let counts = try concurrently(2) { index in
      let ledger = try node.ledger()
      var random = SeededGenerator(seed: seed * 100 + UInt64(index))
      var (rest, count) = (parts[index][...], 0)
      while !rest.isEmpty {
        let batch = Array(rest.prefix(Int.random(in: 1...40, using: &random)))
        rest = rest.dropFirst(batch.count)
        count += try ledger.commit(batch).count { $0.outcome != .duplicate }
      }
      return count
    }
    #expect(counts.reduce(0, +) == all.count)
    let differences = try await OneReceiver(all).differences(in: database.reader, predictions: predictions)
    #expect(differences.isEmpty, "seed \(seed): \(differences.prefix(3).joined(separator: "\n"))")
    #expect(try database.strayRows().isEmpty)
  }

  /// A job is created, claimed and answered on one node while its deliveries come to two others.
  @Test(arguments: 21...23 as ClosedRange<UInt64>)
  func `jobs that are created meanwhile adopt their orphans`(_ seed: UInt64) async throws {
    let database = try SharedDatabase()
    let count = 60
    let now = Timestamp(milliseconds: 2_000_000)
    let writer = database.node("creator")
    let receiver = database.node("receiver")
    _ = try concurrently(3) { index in
      var random = SeededGenerator(seed: seed * 100 + UInt64(index))
      if index == 0 {
        let ledger = try writer.ledger()
        for number in 0..<count {
          try ledger.commit { (transaction) throws(StorageError) in
            _ = try transaction.enqueue(OrderedStore.order("j\(number)", at: now))
            let steps = try transaction.claimOrderSteps(
              at: now, creates: 1, cancels: 0, finds: 0, lease: 35_000)
            for step in steps {
              let answer = Sample.polled(.answer, of: "p\(step.job.id)", .pending, at: now)
              _ = try transaction.record(answer, ofJob: step.order.number)
            }
          }
        }
        return
      }
      let ledger = try receiver.ledger()
      var deliveries: [Delivery] = []
      for number in 0..<count {
        let prediction = "pj\(number)"
        for (step, part) in Sample.life(of: prediction, prefix: "w\(number)-").enumerated() {
          // One of the two has no name of a job in its URL.
          let name = index == 1 || step == 3 ? "j\(number)" : nil
          deliveries.append(
            Delivery(
              webhookID: part.webhookID, receivedAt: now, snapshot: part.snapshot, body: part.body,
              namedJob: name))
        }
      }
      var rest = deliveries.shuffled(using: &random)[...]
      while !rest.isEmpty {
        let size = Int.random(in: 1...16, using: &random)
        _ = try ledger.commit(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
    }
    // The same again, now that all jobs exist: an orphan may be named last.
    let ledger = try receiver.ledger()
    for number in 0..<count {
      _ = try ledger.commit([
        Sample.delivery(
          "z\(number)", of: "pj\(number)", "succeeded", .succeeded, logs: 20, at: 2_000_000,
          naming: "j\(number)")
      ])
    }
    let jobs = try await database.reader.jobs(matching: JobFilter(), before: nil, limit: 1000).jobs
    #expect(jobs.map(\.id).sorted() == (0..<count).map { "j\($0)" }.sorted(), "seed \(seed)")
    var seen: [String: Int] = [:]
    for job in jobs {
      let record = try #require(try await database.reader.job(job.id))
      #expect(record.job.phase == .succeeded && record.job.snapshot?.predictionID == "p\(job.id)")
      let history = try #require(try await database.reader.history(ofJob: job.id, after: 0, limit: 100))
      for entry in history.entries where entry.outcome != .duplicate {
        if let id = entry.webhookID { seen[id, default: 0] += 1 }
      }
    }
    #expect(seen.count == 5 * count && seen.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    #expect(try database.strayRows().isEmpty)
  }

  /// The deliveries of all lives, in the order of their steps.
  static func interleaved(_ lives: [[Delivery]]) -> [Delivery] {
    (0..<(lives.map(\.count).max() ?? 0)).flatMap { step in
      lives.compactMap { step < $0.count ? $0[step] : nil }
    }
  }
}
