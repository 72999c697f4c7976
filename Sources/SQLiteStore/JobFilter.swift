internal import Jobs
internal import SQLite

/// What a list searches through: jobs in the order of their numbers, newest first, by one index.
enum ListDriver: Equatable {
  case all
  /// The jobs in one phase that is not `succeeded`.
  case phase
  /// The jobs that have not ended.
  case open
  case model
  /// The position of the member in the filter.
  case member(Int)
  case ids

  /// Names the index, because SQLite would choose without knowing how many jobs each has.
  fileprivate var source: String {
    switch self {
    case .all: "jobs NOT INDEXED"
    case .phase, .open: "jobs INDEXED BY jobs_by_phase"
    case .model: "jobs INDEXED BY jobs_by_model"
    case .member, .ids: "jobs"
    }
  }
}

extension JobFilter {
  static let beforeParameter: Int32 = 1
  static let limitParameter: Int32 = 2
  private static let stateParameter: Int32 = 3
  private static let modelParameter: Int32 = 4
  static let floorParameter: Int32 = 5
  private static let firstMemberParameter: Int32 = 6
  private static let firstIDParameter = firstMemberParameter + 2 * Int32(maxMembers)

  /// What can be searched through for all jobs that match: at least one.
  var drivers: [ListDriver] {
    if ids != nil { return [.ids] }
    var drivers = metadata.indices.map { ListDriver.member($0) }
    switch state {
    case .pending, .running, .failed, .canceled: drivers.append(.phase)
    case .stale: drivers.append(.open)
    case .succeeded, nil: break
    }
    if model != nil { drivers.append(.model) }
    return drivers.isEmpty ? [.all] : drivers
  }

  /// Whether the driver's jobs may fail another condition, so that a long search may find none.
  func needsFloor(_ driver: ListDriver) -> Bool {
    switch driver {
    case .ids: false
    case .all: state != nil || endedBy != nil
    case .open: true
    case .phase:
      model != nil || !metadata.isEmpty || endedBy != nil || state == .pending || state == .running
    case .model: state != nil || !metadata.isEmpty || endedBy != nil
    case .member: metadata.count > 1 || state != nil || model != nil || endedBy != nil
    }
  }

  /// The query of a page.
  func sql(_ parts: JobParts = [], _ driver: ListDriver) -> String {
    let listed = "SELECT \(JobRow.listed(parts)) FROM"
    let bounds = "number < ?1 AND number >= ?5"
    func rows(_ conditions: [String]) -> String {
      "WHERE \(conditions.joined(separator: " AND ")) ORDER BY number DESC LIMIT ?2"
    }
    switch driver {
    case .all, .phase, .model, .ids:
      return "\(listed) \(driver.source) \(rows([bounds] + conditions()))"
    case .open:
      let numbers = Self.openPhases.map {
        "SELECT number FROM (SELECT number FROM \(driver.source) \(rows([$0, bounds] + conditions())))"
      }
      return """
        \(listed) jobs WHERE number IN (\(numbers.joined(separator: " UNION ALL ")))
        ORDER BY number DESC LIMIT ?2
        """
    case .member(let member):
      let conditions = ["driver.\(Self.equation(member)) AND driver.job < ?1 AND driver.job >= ?5"]
      return """
        \(listed) metadata_members AS driver CROSS JOIN jobs ON number = driver.job
        WHERE \((conditions + self.conditions(without: member)).joined(separator: " AND "))
        ORDER BY driver.job DESC LIMIT ?2
        """
    }
  }

  /// The query of one job, which is found by its number if it matches.
  func sqlOfOne(_ parts: JobParts) -> String {
    "SELECT \(JobRow.listed(parts)) FROM jobs WHERE "
      + (["number = ?1 AND number >= ?5"] + conditions()).joined(separator: " AND ")
  }

  /// The query of the job at which a page ends early, if the driver has so many jobs.
  static func floorSQL(_ driver: ListDriver) -> String {
    func numbers(_ condition: String) -> String {
      "SELECT number AS job FROM \(driver.source) WHERE \(condition) AND number < ?1 AND number >= ?5"
    }
    let numbers =
      switch driver {
      case .all, .ids: numbers("1")
      case .phase: numbers("phase = ?3 AND phase <> 'succeeded'")
      case .open: openPhases.map(numbers).joined(separator: " UNION ALL ")
      case .model: numbers("model = ?4")
      case .member(let member):
        "SELECT job FROM metadata_members WHERE \(equation(member)) AND job < ?1 AND job >= ?5"
      }
    return "\(numbers) ORDER BY job DESC LIMIT 1 OFFSET ?2"
  }

  /// The phases of jobs that may be stale, as conditions that the index on the phase serves.
  private static let openPhases = ["pending", "running"].map { "phase = '\($0)' AND phase <> 'succeeded'" }

  /// The condition of a partial index is repeated verbatim, because SQLite would not use the index otherwise.
  private func conditions(without driver: Int? = nil) -> [String] {
    var conditions: [String] = []
    switch state {
    case nil: break
    case .succeeded: conditions.append("phase = ?3")
    case .failed, .canceled: conditions.append("phase = ?3 AND phase <> 'succeeded'")
    case .pending, .running: conditions.append("phase = ?3 AND phase <> 'succeeded' AND stale_at IS NULL")
    // Only a job that has not ended can be stale.
    case .stale:
      conditions.append("phase IN ('pending', 'running') AND phase <> 'succeeded' AND stale_at IS NOT NULL")
    }
    if model != nil { conditions.append("model = ?4") }
    if let endedBy { conditions.append(EndMark.condition(endedBy)) }
    // Where a member is searched through, the others are compared before the job is read.
    let number = driver == nil ? "number" : "driver.job"
    for member in metadata.indices where member != driver {
      conditions.append(
        "EXISTS (SELECT 1 FROM metadata_members WHERE job = \(number) AND \(Self.equation(member)))")
    }
    if let ids {
      let list = ids.indices.map { "?\(Self.firstIDParameter + Int32($0))" }.joined(separator: ", ")
      conditions.append(
        """
        number IN (SELECT number FROM jobs WHERE id IN (\(list))
          UNION ALL SELECT number FROM jobs WHERE prediction_id IN (\(list)))
        """)
    }
    return conditions
  }

  private static func equation(_ member: Int) -> String {
    let key = firstMemberParameter + 2 * Int32(member)
    return "key = ?\(key) AND value = ?\(key + 1)"
  }

  func bind(to statement: Statement) throws(DatabaseError) {
    try statement.bind(Self.floorParameter, minNumber ?? 0)
    if let state, state != .stale { try statement.bind(Self.stateParameter, state.rawValue) }
    if let model { try statement.bind(Self.modelParameter, model) }
    for member in metadata.indices { try bind(member, to: statement) }
    for (index, id) in (ids ?? []).enumerated() {
      try statement.bind(Self.firstIDParameter + Int32(index), id)
    }
  }

  /// Binds what ``floorSQL(_:)`` compares with.
  func bind(_ driver: ListDriver, to statement: Statement) throws(DatabaseError) {
    try statement.bind(Self.floorParameter, minNumber ?? 0)
    switch driver {
    case .all, .open, .ids: break
    case .phase: if let state { try statement.bind(Self.stateParameter, state.rawValue) }
    case .model: if let model { try statement.bind(Self.modelParameter, model) }
    case .member(let member): try bind(member, to: statement)
    }
  }

  private func bind(_ member: Int, to statement: Statement) throws(DatabaseError) {
    let key = Self.firstMemberParameter + 2 * Int32(member)
    try statement.bind(key, metadata[member].key)
    try statement.bind(key + 1, metadata[member].value)
  }
}
