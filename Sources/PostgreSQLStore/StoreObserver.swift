/// Receives what a store's connection goes through. It is called on the thread that commits.
package protocol StoreObserver: Sendable {
  /// A connection was made, or a commit's durability has changed.
  func connected(durability: CommitDurability)
  /// The connection was lost, and all hosts are tried.
  func reconnecting(cause: String)
  /// A whole batch is committed again.
  func retried(_ reason: CommitRetry)
  /// A commit whose connection was lost is settled.
  func settled(_ outcome: InDoubtOutcome)
}

extension StoreObserver {
  package func connected(durability: CommitDurability) {}
  package func reconnecting(cause: String) {}
  package func retried(_ reason: CommitRetry) {}
  package func settled(_ outcome: InDoubtOutcome) {}
}

/// An observer that ignores everything.
package struct NoStoreObserver: StoreObserver {
  package init() {}
}

/// Why a whole batch is committed again.
package enum CommitRetry: String, CaseIterable, Sendable {
  case uniqueViolation = "unique_violation"
  case serialization
  case deadlock
  /// The batch has read two states of one job.
  ///
  /// Another transaction committed between two statements.
  case rowAppeared = "row_appeared"
  /// A pooler has changed servers, so that a prepared statement was unknown.
  case preparedStatement = "prepared_statement"
  /// An operator has canceled a statement.
  case canceled
  /// A job has a greater change number than this transaction.
  case newerChange = "newer_change"
}

/// What became of a commit in doubt.
package enum InDoubtOutcome: String, CaseIterable, Sendable {
  case committed
  case notCommitted = "not_committed"
}

/// How far a commit goes before it is acknowledged.
package struct CommitDurability: Equatable, Sendable {
  /// The number of synchronous standbys that a commit waits for. 0: it is on the primary's disk only.
  package let standbys: Int
  /// The server's setting of that name.
  package let synchronousCommit: String

  package init(standbys: Int, synchronousCommit: String) {
    self.standbys = standbys
    self.synchronousCommit = synchronousCommit
  }

  /// - Parameters: the server's settings synchronous_standby_names and synchronous_commit.
  ///
  /// See https://www.postgresql.org/docs/current/runtime-config-replication.html.
  init(standbyNames: String, synchronousCommit: String) {
    self.synchronousCommit = synchronousCommit
    standbys = synchronousCommit == "local" ? 0 : Self.standbys(in: standbyNames)
  }

  /// The number of standbys that a commit waits for.
  ///
  /// It is in `FIRST 2 (a, b)`, `ANY 1 (a, b)` or `2 (a, b)`. A plain list stands for one.
  private static func standbys(in names: String) -> Int {
    let words = names.split { $0 == " " || $0 == "\t" }.map { $0.lowercased() }
    guard let first = words.first else { return 0 }
    let hasMethod = first == "first" || first == "any"
    let number = (hasMethod ? words.dropFirst().first : first)?.prefix { $0.isNumber } ?? ""
    return Int(number) ?? 1
  }
}

extension CommitDurability: CustomStringConvertible {
  package var description: String {
    switch standbys {
    case 0: "local disk"
    case 1: "1 standby"
    default: "\(standbys) standbys"
    }
  }
}
