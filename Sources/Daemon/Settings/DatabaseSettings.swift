package import Settings

extension SettingVariable {
  static let databaseURL = SettingVariable("DATABASE_URL")
}

/// The location of the database.
package struct DatabaseSettings: Sendable {
  package var path: String

  static let variables: [SettingVariable] = [.databaseURL]

  package init(from reader: inout SettingsReader) {
    let text = reader.text(.databaseURL) ?? "sqlite:replicate-webhookd.db"
    do throws(InvalidURL) {
      path = try Self.path(of: text)
    } catch {
      // The advice never contains the value, which may be the URL of another database, with a password.
      reader.report(.databaseURL, error.advice)
      path = ""
    }
  }

  private struct InvalidURL: Error {
    let advice: String
  }

  private static func path(of url: String) throws(InvalidURL) -> String {
    let path = url.dropFirst("sqlite:".count)
    guard url.hasPrefix("sqlite:"), !path.isEmpty, !path.utf8.contains(0) else {
      throw InvalidURL(
        advice: "write sqlite: and a path, such as sqlite:/var/lib/replicate-webhookd/jobs.db")
    }
    guard !path.hasPrefix("//") else {
      throw InvalidURL(
        advice: """
          leave the slashes behind sqlite: out, which would lead to the root of the file system: write \
          sqlite:jobs.db for a file in the working directory, or sqlite:/var/lib/replicate-webhookd/jobs.db
          """)
    }
    // SQLite opens a database in memory for some of these; other libraries write the rest behind a path.
    guard path != ":memory:", !path.hasPrefix("file:"), !path.contains("?") else {
      throw InvalidURL(
        advice: "write the path of a file behind sqlite:, without file:, :memory: or ?parameters")
    }
    return String(path)
  }
}
