package import StoreSeam
package import PostgreSQLStore

extension StoreExamination {
  /// Beyond it, leases and due times are noticeably off.
  private static let maxClockDifference = Duration.seconds(1)

  /// Reports what was found as lines.
  ///
  /// Throws where `serve` would not start.
  package func report(to print: (_ line: String) -> Void) throws(StorageError) {
    print(
      "server     \(server), PostgreSQL \(serverVersion), \(usesTLS ? "TLS" : "no TLS")")
    let count = connectedStandbys
    print(
      "commits    reach \(durability) (synchronous_commit = "
        + "\(durability.synchronousCommit)); \(count) standby(s) connected")
    if let refusal { throw refusal }
    if Int64(durability.standbys) > count {
      print("warning    commits wait until \(durability.standbys) standby(s) are connected")
    }
    guard encoding == "UTF8" else {
      throw .schema(
        "the database has the encoding \(encoding): create another one with ENCODING 'UTF8'")
    }
    if isPooled {
      print("pooler     transactions may change servers: changes of other daemons are polled")
    }
    let ahead = clockDifference
    if !(.zero - Self.maxClockDifference...Self.maxClockDifference).contains(ahead) {
      let milliseconds = abs(Int(ahead / .milliseconds(1)))
      print(
        "warning    the server's clock is \(milliseconds) ms \(ahead < .zero ? "behind" : "ahead"): "
          + "let both follow NTP")
    }
    try reportSchema(to: print)
  }

  private func reportSchema(to print: (_ line: String) -> Void) throws(StorageError) {
    guard needsMigration || schemaProblem == nil else {
      if let problem = schemaProblem { throw problem }
      return
    }
    if needsMigration {
      guard mayCreateTables else {
        throw .schema(
          "the role may not create tables: run `migrate` with the URL of one that may")
      }
      print(
        schemaVersion == 0
          ? "store      does not exist yet: `serve` creates it"
          : "store      has schema \(schemaVersion): `serve` migrates it")
      return
    }
    let jobs = jobCount.map { "about \($0) job(s)" } ?? "jobs that were not counted yet"
    print("store      has schema \(schemaVersion) and holds \(jobs)")
  }
}
