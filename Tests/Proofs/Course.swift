/// How much is proven, and with what.
package struct Course: Sendable {
  /// The daemon.
  package let executable: String
  package let seed: UInt64
  /// Faults that last last long: half a minute instead of seconds.
  package let isLong: Bool
  /// How often the daemon is killed.
  package let kills: Int
  /// Deliveries of the soak.
  package let soak: Int
  /// A library that, loaded into the daemon, shifts its wall clock; nil where there is none.
  package let clockShift: String?
  /// One that refuses to write; nil where there is none.
  package let diskRefusal: String?
  /// Told what happens while it happens.
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

/// What a daemon is put through. The raw value is its name on the command line.
package enum Fault: String, CaseIterable, Sendable {
  case kill
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
  case soak

  /// - Returns: nil where this machine does not allow it.
  package func prove(_ course: Course) throws -> Row? {
    switch self {
    case .kill: try KillProof.run(course)
    case .fullDisk: try FullDiskProof.run(course)
    case .fileLimit: try FullDiskProof.limitFiles(course)
    case .quota: try WriteRefusalProof.quota(course)
    case .readOnly: try WriteRefusalProof.readOnly(course)
    case .fileSystemError: try FileSystemErrorProof.run(course)
    case .lock: try LockProof.run(course)
    case .second: try SecondDaemonProof.run(course)
    case .damage: try DamageProof.run(course)
    case .descriptors: try DescriptorProof.run(course)
    case .logUnread: try UnreadLogProof.run(course)
    case .closedDescriptors: try ClosedDescriptorsProof.run(course)
    case .memory: try MemoryProof.run(course)
    case .clock: try ClockProof.run(course)
    case .pause: try PauseProof.run(course)
    case .outage: try OutageProof.run(course)
    case .soak: try SoakProof.run(course)
    }
  }
}
