/// What the proofs run with: the daemon, the seed and the extent.
package struct Scenario: Sendable {
  /// The daemon.
  package let executable: String
  package let seed: UInt64
  /// Faults with a duration take half a minute instead of seconds.
  package let isLong: Bool
  /// How many times the daemon is killed.
  package let kills: Int
  /// How many deliveries the soak sends.
  package let soak: Int
  /// A preloaded library that shifts the daemon's wall clock; nil: none.
  package let clockShift: String?
  /// A preloaded library that makes writes fail; nil: none.
  package let diskRefusal: String?
  /// Receives progress lines.
  package let progress: @Sendable (String) -> Void

  package init(
    executable: String, seed: UInt64, isLong: Bool, kills: Int, soak: Int, clockShift: String?,
    diskRefusal: String?, progress: @escaping @Sendable (String) -> Void
  ) {
    self.executable = executable
    self.seed = seed
    self.isLong = isLong
    self.kills = kills
    self.soak = soak
    self.clockShift = clockShift
    self.diskRefusal = diskRefusal
    self.progress = progress
  }
}

/// A fault that a daemon is proven against. The raw value is its command-line name.
package enum Fault: String, CaseIterable, Sendable {
  case kill
  case streams
  case fullDisk = "full-disk"
  case fileLimit = "file-limit"
  case quota
  case readOnly = "read-only"
  case fileSystemError = "file-system-error"
  case lock
  case second
  case damage
  case descriptors
  case logUnread = "log-unread"
  case closedDescriptors = "closed-descriptors"
  case memory
  case clock
  case pause
  case outage
  case postgresql
  case soak

  /// - Returns: none if this machine does not allow it.
  package func prove(_ scenario: Scenario) throws -> [Row] {
    if self == .postgresql { return try PostgreSQLProof.run(scenario) }
    return try row(scenario).map { [$0] } ?? []
  }

  private func row(_ scenario: Scenario) throws -> Row? {
    switch self {
    case .kill: try KillProof.run(scenario)
    case .streams: try StreamProof.run(scenario)
    case .fullDisk: try FullDiskProof.run(scenario)
    case .fileLimit: try FullDiskProof.limitFiles(scenario)
    case .quota: try WriteRefusalProof.quota(scenario)
    case .readOnly: try WriteRefusalProof.readOnly(scenario)
    case .fileSystemError: try FileSystemErrorProof.run(scenario)
    case .lock: try LockProof.run(scenario)
    case .second: try SecondDaemonProof.run(scenario)
    case .damage: try DamageProof.run(scenario)
    case .descriptors: try DescriptorProof.run(scenario)
    case .logUnread: try UnreadLogProof.run(scenario)
    case .closedDescriptors: try ClosedDescriptorsProof.run(scenario)
    case .memory: try MemoryProof.run(scenario)
    case .clock: try ClockProof.run(scenario)
    case .pause: try PauseProof.run(scenario)
    case .outage: try OutageProof.run(scenario)
    case .postgresql: nil
    case .soak: try SoakProof.run(scenario)
    }
  }
}
