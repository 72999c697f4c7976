internal import JobRequests
internal import Jobs
internal import SQLite

/// What the fourth migration reads from the requests of existing orders.
enum OrderMigration {
  /// A log line for each of so many orders.
  private static let progressInterval = 100_000

  /// Goes through all orders in the order of their jobs, one row at a time: a request may be large.
  @Sendable static func fill(
    _ connection: Connection, progress: (_ orders: Int) -> Void
  ) throws(DatabaseError) {
    let select = Statement(
      "SELECT job, request FROM orders WHERE job > ?1 ORDER BY job LIMIT 1", on: connection)
    let update = Statement("UPDATE orders SET digest = ?2 WHERE job = ?1", on: connection)
    let metadata = MetadataStatements(connection)
    let digest = RequestDigest()
    var (last, count): (Int64, Int) = (.min, 0)
    // Bounded by the table: every round passes an order.
    while true {
      try select.bind(1, last)
      guard try select.step() else { return }
      last = Int64(select.integer(0))
      let request = select.bytes(1)
      select.reset()
      if !request.isEmpty {
        // Earlier versions compared the bytes of requests, this one compares their meaning.
        try update.bind(1, last)
        try update.bind(2, copying: digest.digest(of: request.span))
        try update.run()
      }
      try migrate(request, ofJob: last, metadata)
      count += 1
      if count.isMultiple(of: progressInterval) { progress(count) }
    }
  }

  private static func migrate(
    _ request: [UInt8], ofJob number: Int64, _ metadata: MetadataStatements
  ) throws(DatabaseError) {
    // A cancel request of a job that was not created here has none.
    guard !request.isEmpty, let text = MetadataMembers.text(inRequest: request.span) else { return }
    let members = MetadataMembers.membersWithinLimits(of: text.span).map(MetadataMember.init)
    try metadata.insert(JobMetadata(text: text, members: members), ofJob: number)
  }
}
