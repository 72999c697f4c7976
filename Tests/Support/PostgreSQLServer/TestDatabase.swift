import Foundation
package import PostgreSQL

/// A database of its own in a server, dropped with the object.
package final class TestDatabase: Sendable {
  package let name: String
  package let server: PostgreSQLServer
  package var url: String { server.url(database: name) }

  fileprivate init(in server: PostgreSQLServer, from template: String) throws {
    self.server = server
    name = "test_\(getpid())_\(UInt32.random(in: 0 ... .max))"
    // The copy through WAL needs no checkpoint, which makes it the faster one for small templates.
    try server.run("CREATE DATABASE \(name) TEMPLATE \(template) STRATEGY wal_log")
  }

  deinit { _ = try? server.run("DROP DATABASE IF EXISTS \(name) WITH (FORCE)") }

  /// Runs one statement as superuser.
  @discardableResult
  package func run(_ sql: String) throws -> Rows { try server.run(sql, in: name) }
}

extension PostgreSQLServer {
  /// Makes a database.
  ///
  /// - Parameter template: the database to copy, which must have no connections.
  package func makeDatabase(from template: String = "template0") throws -> TestDatabase {
    try TestDatabase(in: self, from: template)
  }
}
