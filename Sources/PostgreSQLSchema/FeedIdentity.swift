internal import StoreSeam
package import PostgreSQL
package import Time

/// The epoch and the first numbers of a database's change feed.
///
/// A change number begins with the number of its transaction, which belongs to the cluster of servers. Where
/// a dump is restored into a younger cluster, the numbers must go on after those that the database has.
package enum FeedIdentity {
  /// The transaction's number is assigned after the snapshot is taken.
  ///
  /// So all transactions that the snapshot shows have smaller numbers.
  private static let examine = Query(
    """
    SELECT epoch = '' OR EXISTS (SELECT 1 FROM keys WHERE name = $1), shift,
      greatest((SELECT max(change) FROM changes), (SELECT max(change) FROM tombstones), 0),
      (pg_current_xact_id()::text::bigint << 16) + shift
    FROM feed WHERE id = 1
    """)
  private static let renew = Query(
    "UPDATE feed SET epoch = $1, shift = greatest(shift, $2) WHERE id = 1 AND epoch = $3 AND shift = $4")
  private static let selectEpoch = Query("SELECT epoch FROM feed WHERE id = 1")

  /// Gives the feed a new epoch where its numbers would repeat.
  ///
  /// That is in a new database, in a restored backup, and in another cluster.
  ///
  /// Of several processes that start at once, the first one does.
  package static func renew(
    _ connection: Connection, newEpoch: [UInt8], deadline: MonotonicTime
  ) throws(PostgreSQLError) {
    let epoch = try connection.run(selectEpoch, deadline: deadline).bytes(0, 0)
    let row = try connection.run(
      examine, [.text(StoreKey.backupMarker)], deadline: deadline)
    let (shift, last, next) = (row.integer(0, 1), row.integer(0, 2), row.integer(0, 3))
    guard row.boolean(0, 0) || last >= next else { return }
    let missing = last >= next ? last - next + 1 << 16 : 0
    _ = try connection.run(
      renew, [.bytes(newEpoch), .integer(shift + missing), .bytes(epoch), .integer(shift)],
      deadline: deadline)
  }
}
