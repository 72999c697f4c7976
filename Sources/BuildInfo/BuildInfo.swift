internal import CBuild
internal import Crypto
internal import HTTPClient
internal import SQLite

#if PostgreSQL
  internal import PostgreSQL
#endif

/// What this binary is: its version, its commit, and the libraries that it runs with.
package enum BuildInfo {
  /// The version in semantic versioning, of the interface that the README documents.
  package static let version = "0.1.0"

  /// The commit that was built, with `-dirty` where files had changed; `unknown` for other builds.
  package static let commit = String(cString: build_commit())

  package static let userAgent = "replicate-webhookd/\(version)"

  /// The libraries that the system provides, each with the version that was loaded.
  package static var libraries: [(name: String, version: String)] {
    var libraries = [
      ("SQLite", SQLiteLibrary.version), ("OpenSSL", OpenSSLLibrary.version),
      ("libcurl", CurlLibrary.version),
    ]
    #if PostgreSQL
      libraries.append(("libpq", PostgreSQLLibrary.version))
    #endif
    return libraries
  }

  /// The text of `--version`: two lines.
  package static var text: String {
    "replicate-webhookd \(version) (commit \(commit))\n"
      + libraries.map { "\($0.name) \($0.version)" }.joined(separator: ", ")
  }
}
