internal import Crypto
package import SQLite
internal import SQLiteStore

/// Whether a SQLite database is sound, which commands check and report.
package enum FileCheck {
  /// Checks the structure of the file and the digest of each body.
  ///
  /// - Returns: the number of its jobs. Nil where there is no file yet.
  package static func jobCount(inFile path: String) throws(DatabaseError) -> Int? {
    guard try DatabaseLock.examine(path) else { return nil }
    let reader = try SQLiteReader(path: path)
    if let damage = try reader.damage() { throw .corrupt(damage) }
    let sha256 = SHA256()
    let damaged = try reader.damagedBodies { sha256.digest(of: $0) }
    if let first = damaged.first {
      throw .corrupt("the bodies of \(damaged.count) job(s) are not what was stored, the first of \(first)")
    }
    return try reader.jobCount()
  }

  /// What ``jobCount(inFile:)`` has found, in words.
  package static func report(onFile path: String) throws(DatabaseError) -> String {
    guard let count = try jobCount(inFile: path) else {
      return "\(path) does not exist yet: `serve` creates it"
    }
    return "\(path) is sound and holds \(count) job(s)"
  }
}
