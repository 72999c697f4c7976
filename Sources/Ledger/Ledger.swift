package import StoreSeam
package import Jobs
package import Work

/// The rules of jobs over a store: every write to the store goes through ``commit(_:)``.
///
/// It is used by one thread at a time.
package final class Ledger {
  package let store: any Store
  private let rules: LedgerRules
  private let hooks: [any TransactionHook]
  private let reactions: [any TransactionReaction]

  /// - Parameters:
  ///   - hooks: the capabilities that add writes to a commit.
  ///   - reactions: the capabilities that follow changes with further commands.
  package init(
    store: any Store, rules: LedgerRules = LedgerRules(), hooks: [any TransactionHook] = [],
    reactions: [any TransactionReaction] = []
  ) {
    self.store = store
    let hasHooks = !hooks.isEmpty || !reactions.isEmpty || rules.endGate != nil
    self.rules = rules.with(hasHooks: hasHooks, reactions, isShared: store.isShared)
    self.hooks = hooks
    self.reactions = reactions
  }

  /// Decides `commands` in their order, and commits their writes in one durable transaction.
  ///
  /// After an error nothing is committed, and no command has a result. A command that sweeps many rows is the
  /// last of its transaction.
  ///
  /// - Returns: how many of the commands were committed, and what changed.
  package func commit(_ commands: ArraySlice<any LedgerCommand>) throws(StorageError) -> LedgerCommit {
    let keys = {
      var keys = LedgerKeys.none
      for command in commands { command.addKeys(to: &keys) }
      return keys
    }
    var (count, hasAnnouncements) = (0, false)
    var transitions: [JobTransition] = []
    let changes = try store.commit(reading: keys) { (rows) throws(StorageError) in
      let transaction = LedgerTransaction(reading: rows, rules: rules, capacity: commands.count)
      count = 0
      for command in commands {
        try command.decide(in: transaction)
        count += 1
        if transaction.hasSwept { break }
      }
      if !reactions.isEmpty { try transaction.react(with: reactions) }
      hasAnnouncements = !transaction.announcements.isEmpty
      let writes = try transaction.writeSet(hooks: hooks)
      transitions = transaction.transitions
      return writes
    }
    if !transitions.isEmpty { for hook in hooks { hook.noteCommitted(transitions) } }
    return LedgerCommit(count: count, changes: changes, hasAnnouncements: hasAnnouncements)
  }
}

/// A transaction that was committed.
package struct LedgerCommit: Sendable {
  /// The number of commands whose writes it contains.
  package let count: Int
  package let changes: [CommittedChange]
  /// Whether something is announced that no change of a job may come with.
  package let hasAnnouncements: Bool
}

/// What the rules depend on beside the stored rows.
package struct LedgerRules: Sendable {
  /// When open jobs are polled and become stale.
  package var polling: PollPolicy
  /// Validates the output of a job created here against its request.
  package var validateOutput: OutputValidator
  /// Restores members that the provider has erased.
  package var restore: BodyRestorer
  /// The process that claims work, unlike any other that uses the store.
  package var owner: String
  /// The kinds of work that keep a job from being pruned.
  package var retainingKinds: Set<WorkKind>
  /// Holds back successes. Nil where none is held.
  package var endGate: (any EndGate)?
  /// Whether transitions are noted for hooks.
  private(set) var hasHooks = false
  /// Those that may keep a job from being pruned.
  private(set) var reactions: [any TransactionReaction] = []
  /// Whether other processes write the store too.
  private(set) var isShared = false

  package init(
    polling: PollPolicy = PollPolicy(timeout: 900_000, firstPoll: nil),
    validateOutput: @escaping OutputValidator = { _, _, standing in standing },
    restore: @escaping BodyRestorer = { _, _ in nil }, owner: String = "daemon",
    retainingKinds: Set<WorkKind> = [], endGate: (any EndGate)? = nil
  ) {
    self.polling = polling
    self.validateOutput = validateOutput
    self.restore = restore
    self.owner = owner
    self.retainingKinds = retainingKinds
    self.endGate = endGate
  }

  fileprivate func with(
    hasHooks: Bool, _ reactions: [any TransactionReaction], isShared: Bool
  ) -> LedgerRules {
    var rules = self
    (rules.hasHooks, rules.reactions, rules.isShared) = (hasHooks, reactions, isShared)
    return rules
  }
}

/// A unit of writing: what it reads, and what it decides.
///
/// It is decided again where its transaction failed and is retried, so it changes nothing but the
/// transaction and its own result.
package protocol LedgerCommand: AnyObject {
  func addKeys(to keys: inout LedgerKeys)
  func decide(in transaction: LedgerTransaction) throws(StorageError)
}

/// A command made of a closure, which keeps the closure's result.
package final class LedgerWork<Value>: LedgerCommand {
  private let keys: LedgerKeys
  private let work: (LedgerTransaction) throws(StorageError) -> Value
  package private(set) var value: Value?

  package init(
    reading keys: LedgerKeys = .none, _ work: @escaping (LedgerTransaction) throws(StorageError) -> Value
  ) {
    self.keys = keys
    self.work = work
  }

  package func addKeys(to keys: inout LedgerKeys) { keys.formUnion(self.keys) }

  package func decide(in transaction: LedgerTransaction) throws(StorageError) {
    value = try work(transaction)
  }
}

extension Ledger {
  /// Commits `work` alone.
  @discardableResult
  package func commit<Value>(
    reading keys: LedgerKeys = .none, _ work: @escaping (LedgerTransaction) throws(StorageError) -> Value
  ) throws(StorageError) -> Value {
    let command = LedgerWork(reading: keys, work)
    _ = try commit([command][...])
    guard let value = command.value else { throw .rejected("a store committed without its command") }
    return value
  }

  /// Commits `deliveries` in one durable transaction, or none after an error.
  ///
  /// - Returns: the result of each, in their order.
  package func commit(_ deliveries: [Delivery]) throws(StorageError) -> [Recording] {
    let commands = deliveries.map { delivery in
      LedgerWork(reading: .of(delivery)) { (transaction) throws(StorageError) in
        try transaction.record(delivery)
      }
    }
    _ = try commit(commands.map { $0 as any LedgerCommand }[...])
    return commands.compactMap(\.value)
  }
}

extension LedgerKeys {
  /// What recording `delivery` reads.
  package static func of(_ delivery: Delivery) -> LedgerKeys {
    var keys = LedgerKeys()
    keys.add(delivery)
    return keys
  }

  package mutating func add(_ delivery: Delivery) {
    webhookIDs.append(delivery.webhookID)
    predictionIDs.append(delivery.snapshot.predictionID)
    if let job = delivery.namedJob { jobIDs.append(job) }
  }
}
