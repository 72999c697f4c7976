internal import Jobs
internal import SQLite

extension JobFilter {
  static let beforeParameter: Int32 = 1
  static let limitParameter: Int32 = 2
  private static let stateParameter: Int32 = 3
  private static let modelParameter: Int32 = 4
  static let floorParameter: Int32 = 5
  private static let firstMemberParameter: Int32 = 6
  private static let firstIDParameter = firstMemberParameter + 2 * Int32(maxMembers)

  /// Whether more than one condition decides, so that a search through the jobs of one may find none.
  var needsFloor: Bool {
    ids == nil && (metadata.count > 1 || !metadata.isEmpty && (state != nil || model != nil))
  }

  /// The query of a page, in which every condition can use an index.
  ///
  /// - Parameter driver: the position of the member whose jobs are searched through; nil without members.
  func sql(_ parts: JobParts = [], driver: Int? = nil, hasFloor: Bool = false) -> String {
    guard ids == nil, let driver = driver ?? metadata.indices.first else {
      return select(parts, "jobs", ["number < ?1"] + conditions(), order: "number")
    }
    let bounds = "job < ?1" + (hasFloor ? " AND job >= ?5" : "")
    return select(
      parts, "metadata_members AS driver CROSS JOIN jobs ON number = driver.job",
      ["driver.\(Self.equation(driver)) AND driver.\(bounds)"] + conditions(without: driver),
      order: "driver.job")
  }

  /// The query of one job, which is found by its number if it matches.
  func sqlOfOne(_ parts: JobParts) -> String {
    "SELECT \(JobRow.listed(parts)) FROM jobs WHERE "
      + (["number = ?1"] + conditions()).joined(separator: " AND ")
  }

  /// The query of the job at which a page ends early, if a member has so many jobs.
  static func floorSQL(_ member: Int) -> String {
    """
    SELECT job FROM metadata_members WHERE \(equation(member)) AND job < ?1
    ORDER BY job DESC LIMIT 1 OFFSET ?2
    """
  }

  private func select(_ parts: JobParts, _ source: String, _ conditions: [String], order: String) -> String {
    """
    SELECT \(JobRow.listed(parts)) FROM \(source) WHERE \(conditions.joined(separator: " AND "))
    ORDER BY \(order) DESC LIMIT ?2
    """
  }

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
    for member in metadata.indices where member != driver {
      conditions.append(
        "EXISTS (SELECT 1 FROM metadata_members WHERE job = number AND \(Self.equation(member)))")
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
    if let state, state != .stale { try statement.bind(Self.stateParameter, state.rawValue) }
    if let model { try statement.bind(Self.modelParameter, model) }
    for member in metadata.indices { try bind(member, to: statement) }
    for (index, id) in (ids ?? []).enumerated() {
      try statement.bind(Self.firstIDParameter + Int32(index), id)
    }
  }

  func bind(_ member: Int, to statement: Statement) throws(DatabaseError) {
    let key = Self.firstMemberParameter + 2 * Int32(member)
    try statement.bind(key, metadata[member].key)
    try statement.bind(key + 1, metadata[member].value)
  }
}
