package import PostgreSQL
package import PostgreSQLSchema
package import Tables
package import Time

/// How a store connects, and what it is given from outside.
package struct PostgreSQLOptions: Sendable {
  package var target: ConnectionTarget
  /// The tables that capabilities declare.
  package var tables: [TableDeclaration]
  /// Refuses commits while no synchronous standby is configured.
  package var requiresStandby: Bool
  /// Random bytes: the epoch of a new or a restored database.
  package var newEpoch: [UInt8]
  /// Shown in pg_stat_activity.
  package var applicationName: String
  /// How long a commit waits for a server before it fails.
  package var hold: Duration
  /// The difference of the clocks, shared with the readers of this process.
  package var clock: DatabaseClock
  /// The local wall clock.
  package var now: @Sendable () -> Timestamp
  /// Random numbers, which identify the writer and its batches.
  package var random: @Sendable () -> UInt64

  /// The time for which a commit waits for a server.
  ///
  /// A provider retries a failed delivery later; a failover takes a few seconds.
  package static let hold = Duration.seconds(10)
  /// The size of an epoch in bytes.
  package static let epochSize = 6

  package init(
    target: ConnectionTarget, tables: [TableDeclaration] = [], requiresStandby: Bool = false,
    newEpoch: [UInt8], applicationName: String = "replicate-webhookd", hold: Duration = Self.hold,
    clock: DatabaseClock = DatabaseClock(), now: @escaping @Sendable () -> Timestamp,
    random: @escaping @Sendable () -> UInt64
  ) {
    self.target = target
    self.tables = tables
    self.requiresStandby = requiresStandby
    self.newEpoch = newEpoch
    self.applicationName = applicationName
    self.hold = hold
    self.clock = clock
    self.now = now
    self.random = random
  }
}
