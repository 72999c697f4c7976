/// One SQL statement with parameters `$1`, `$2`, …
///
/// Make it once, as a static constant: a connection prepares it once and finds it by its digest.
package struct Query: Sendable {
  package let sql: String
  let digest: UInt64
  /// Whether the server plans it. BEGIN, COMMIT, SET and the like have no plan that a name would keep.
  let isPlanned: Bool

  package init(_ sql: String) {
    self.sql = sql
    let verb = sql.drop { $0.isWhitespace || $0 == "(" }.prefix { $0.isLetter }.uppercased()
    isPlanned = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "MERGE"].contains(verb)
    var digest = Digest()
    digest.add(sql.utf8)
    self.digest = digest.value
  }
}

/// FNV-1a with 64 bits (RFC 9923).
///
/// It names prepared statements. Behind PgBouncer, connections of several processes share a server's
/// session, and one name must never mean two statements there. All statements are the program's own, so
/// no collision is sought.
struct Digest {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
}

/// Statements that are sent together and answered together.
///
/// One Sync ends them. Without BEGIN they are one transaction
/// (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html).
package struct Pipeline: Sendable {
  struct Statement: Sendable {
    let query: Query
    let parameters: [Parameter]
  }

  private(set) var statements: [Statement] = []

  package init() {}

  package var isEmpty: Bool { statements.isEmpty }

  /// Appends a statement.
  ///
  /// - Returns: the index of its result.
  @discardableResult
  package mutating func add(_ query: Query, _ parameters: [Parameter] = []) -> Int {
    statements.append(Statement(query: query, parameters: parameters))
    return statements.count - 1
  }
}
