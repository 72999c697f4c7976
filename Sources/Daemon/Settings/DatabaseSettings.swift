internal import Bytes
internal import Crypto
package import Settings

extension SettingVariable {
  static let databaseURL = SettingVariable(
    "DATABASE_URL",
    "`sqlite:` and a path, or `postgresql://…` with all hosts that may be the primary.",
    standard: "sqlite:replicate-webhookd.db", isSecret: true)
  static let requireStandby = SettingVariable(
    "REQUIRE_STANDBY",
    "Whether deliveries are refused while no synchronous standby of PostgreSQL confirms commits.")
}

/// The location of the database, and what a commit in it must reach.
package struct DatabaseSettings: Sendable {
  package var location: DatabaseLocation
  /// Whether deliveries are refused while no standby confirms commits.
  package var requiresStandby: Bool

  static let variables: [SettingVariable] = [.databaseURL, .requireStandby]

  package init(from reader: inout SettingsReader) {
    let text =
      reader.secretText(.databaseURL).map { String($0[...].trimmed) } ?? SettingVariable.databaseURL.standard
      ?? ""
    do throws(InvalidDatabaseURL) {
      location = try DatabaseLocation(text)
    } catch {
      // The advice never contains the value, which may be the URL of another database, with a password.
      reader.report(.databaseURL, error.advice)
      location = .sqlite(path: "")
    }
    requiresStandby = reader.flag(.requireStandby, default: false)
    if requiresStandby, case .sqlite = location, !reader.hasProblem(with: .databaseURL) {
      reader.report(
        .requireStandby, "a SQLite file has no standby: remove it, or let DATABASE_URL be postgresql://…")
    }
  }

  /// The path of the SQLite file. Nil where the database is a PostgreSQL server's.
  package var path: String? {
    if case .sqlite(let path) = location { path } else { nil }
  }
}

/// Where the jobs are stored: in a file, or in the database of a server.
package enum DatabaseLocation: Sendable {
  case sqlite(path: String)
  case postgreSQL(DatabaseURL)

  /// - Parameter text: the value of `DATABASE_URL`.
  package init(_ text: String) throws(InvalidDatabaseURL) {
    self =
      if DatabaseURL.schemes.contains(where: text.hasPrefix) {
        .postgreSQL(try DatabaseURL(text))
      } else {
        .sqlite(path: try Self.path(of: text))
      }
  }

  private static func path(of url: String) throws(InvalidDatabaseURL) -> String {
    let path = url.dropFirst("sqlite:".count)
    guard url.hasPrefix("sqlite:"), !path.isEmpty, !path.utf8.contains(0) else {
      throw InvalidDatabaseURL(
        advice: """
          write sqlite: and a path, such as sqlite:/var/lib/replicate-webhookd/jobs.db, or the URL of a \
          PostgreSQL database, such as postgresql://user@host/database
          """)
    }
    guard !path.hasPrefix("//") else {
      throw InvalidDatabaseURL(
        advice: """
          leave the slashes behind sqlite: out, which would lead to the root of the file system: write \
          sqlite:jobs.db for a file in the working directory, or sqlite:/var/lib/replicate-webhookd/jobs.db
          """)
    }
    // SQLite opens a database in memory for some of these; other libraries write the rest behind a path.
    guard path != ":memory:", !path.hasPrefix("file:"), !path.contains("?") else {
      throw InvalidDatabaseURL(
        advice: "write the path of a file behind sqlite:, without file:, :memory: or ?parameters")
    }
    return String(path)
  }
}

/// The URL of a PostgreSQL database, which may contain a password.
package struct DatabaseURL: Sendable {
  package let revealed: String

  /// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
  static let schemes = ["postgresql://", "postgres://"]

  package init(_ text: String) throws(InvalidDatabaseURL) {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw InvalidDatabaseURL(
        advice: "a PostgreSQL URL contains no spaces or control characters: write them as %20 and so on")
    }
    revealed = text
    if let advice = PostgreSQLSupport.problem(with: self) { throw InvalidDatabaseURL(advice: advice) }
  }
}

extension DatabaseURL: Redacted {}

/// What is wrong with a database's URL, without the URL.
package struct InvalidDatabaseURL: Error {
  package let advice: String
}
