import Glibc
import Jobs
@testable import Ledger
import StoreSeam
import Simulation
import StoreFixture
import Testing
import Time

/// A batch of commands ends as the same commands do one by one.
@Suite(.everyStore) struct BatchTests {
  /// Set by `STORE_BATCH_SEEDS`, for longer runs.
  ///
  /// The rules are the same on each store, and a server takes longer for each seed.
  private static var seedsPerBlock: Int {
    getenv("STORE_BATCH_SEEDS").flatMap { Int(String(cString: $0)) }.map { max(1, $0 / 8) }
      ?? (StoreKind.current == .sqlite ? 25 : 3)
  }

  @Test(arguments: 0..<8)
  func `a batch ends as its commands do one by one`(_ block: Int) async throws {
    for seed in block * Self.seedsPerBlock..<(block + 1) * Self.seedsPerBlock {
      let difference = try await BatchRun(seed: UInt64(seed)).difference()
      #expect(difference == nil, "seed \(seed)")
      if difference != nil { return }
    }
  }

  /// The comparison finds a rule that forgets a write.
  @Test(arguments: DroppedWrite.allCases)
  func `a forgotten write is found`(_ dropped: DroppedWrite) async throws {
    // This tests the comparison, for which one kind of store will do.
    guard StoreKind.current == .sqlite else { return }
    var isFound = false
    for seed in 0..<150 where !isFound {
      do {
        isFound = try await BatchRun(seed: UInt64(seed), dropping: dropped).difference() != nil
      } catch is StorageError {
        isFound = true
      }
    }
    #expect(isFound)
  }
}

/// A kind of write that a faulty rule forgets.
enum DroppedWrite: CaseIterable {
  case job, deletion, move, history, attempt, refusal, order, work, key

  /// - Returns: whether there was such a write.
  func drop(from writes: inout WriteSet) -> Bool {
    switch self {
    case .job: writes.jobs.popLast() != nil
    case .deletion: writes.deletedJobs.popLast() != nil
    case .move: writes.movedHistories.popLast() != nil
    case .history: writes.history.popLast() != nil
    case .attempt: writes.attempts.popLast() != nil
    case .refusal: writes.refusals.popLast() != nil
    case .order: writes.orders.popLast() != nil
    case .work: writes.work.popLast() != nil
    case .key: writes.keys.popLast() != nil
    }
  }
}

/// The same random commands on two stores: one by one, and in batches.
struct BatchRun {
  private let commands: [RandomCommand]
  /// The lengths of the batches.
  private let lengths: [Int]
  private let dropped: DroppedWrite?
  /// In every second run. It holds about half of the successes.
  private let gate: HoldingGate?

  init(seed: UInt64, dropping dropped: DroppedWrite? = nil) {
    var random = SeededGenerator(seed: seed)
    gate =
      seed.isMultiple(of: 2)
      ? nil : HoldingGate(for: 4000) { end, _, _ in end.evidence.logsSize.isMultiple(of: 2) }
    var now = Timestamp(milliseconds: 1_000_000)
    var commands: [RandomCommand] = []
    for _ in 0..<Int.random(in: 10...60, using: &random) {
      now = now.later(Int64.random(in: 0...1500, using: &random))
      commands.append(RandomCommand(at: now, &random))
    }
    var lengths: [Int] = []
    var rest = commands.count
    while rest > 0 {
      let length = min(rest, Int.random(in: 1...12, using: &random))
      lengths.append(length)
      rest -= length
    }
    (self.commands, self.lengths, self.dropped) = (commands, lengths, dropped)
  }

  /// The first difference between the two. Nil for none.
  func difference() async throws -> String? {
    let policy = PollPolicy(timeout: 8000, firstPoll: 2000)
    func store() throws -> OrderedStore {
      try OrderedStore(
        on: try StoreKind.current.makeBackend(isDurable: false), policy: policy, endGate: gate,
        isNumbered: true)
    }
    let (single, batched) = (try store(), try store())
    let faulty = dropped.map {
      Ledger(
        store: ForgetfulStore(batched.ledger.store, $0), rules: LedgerRules(polling: policy, endGate: gate))
    }
    var start = 0
    var before = try await StoreState(of: batched, jobs: Int64(commands.count))
    for length in lengths {
      let batch = commands[start..<start + length]
      start += length
      let one = batch.map(BatchedCommand.init)
      for command in one { try Self.commit([command], to: single.ledger) }
      let all = batch.map(BatchedCommand.init)
      try Self.commit(all, to: faulty ?? batched.ledger)
      for (left, right) in zip(all, one) where left.result != right.result {
        return
          "\(left.command) results in\n  \(left.result),\n  but alone in \(right.result)\n\(text(of: batch))"
      }
      let expected = try await StoreState(of: single, jobs: Int64(commands.count))
      let state = try await StoreState(of: batched, jobs: Int64(commands.count))
      if let difference = state.difference(from: expected) { return "\(difference)\n\(text(of: batch))" }
      // A deferred step is one whose job cannot be written.
      let isDeferred = batch.contains { $0.kind == .deferStep }
      if !isDeferred, let wrong = Self.unnumberedChange(from: before, to: state) {
        return "\(wrong)\n\(text(of: batch))"
      }
      before = state
    }
    let stray = try batched.backend.tablesWithStrayRows() + single.backend.tablesWithStrayRows()
    return stray.isEmpty ? nil : "stray rows in \(stray)"
  }

  private func text(of batch: ArraySlice<RandomCommand>) -> String {
    batch.map { "  \($0)" }.joined(separator: "\n")
  }

  private static func commit(_ commands: [BatchedCommand], to ledger: Ledger) throws(StorageError) {
    var rest = commands.map { $0 as any LedgerCommand }[...]
    while !rest.isEmpty { rest = rest.dropFirst(try ledger.commit(rest).count) }
  }

  /// A difference in what is shown has a new change number.
  private static func unnumberedChange(from before: StoreState, to after: StoreState) -> String? {
    for (number, now) in after.shown {
      // A job is not shown while its prediction is the id of another.
      guard let old = before.shown[number] else { continue }
      if old.job != now.job, now.change <= before.lastChange {
        return "job \(number) has changed without a number from\n  \(old.job)\n  to \(now.job)"
      }
    }
    return nil
  }
}

/// A store whose rules forget the last write of a kind.
private final class ForgetfulStore: Store {
  private let store: any Store
  private let dropped: DroppedWrite

  var isShared: Bool { store.isShared }

  init(_ store: any Store, _ dropped: DroppedWrite) { (self.store, self.dropped) = (store, dropped) }

  func commit(
    reading keys: () -> LedgerKeys, _ decide: (any StoredRows) throws(StorageError) -> WriteSet
  ) throws(StorageError) -> [CommittedChange] {
    try store.commit(reading: keys) { (rows) throws(StorageError) in
      var writes = try decide(rows)
      _ = dropped.drop(from: &writes)
      return writes
    }
  }

  func probe(room: Int) throws(StorageError) { try store.probe(room: room) }
  func maintain() throws(StorageError) { try store.maintain() }
  func finish() throws(StorageError) { try store.finish() }
}
