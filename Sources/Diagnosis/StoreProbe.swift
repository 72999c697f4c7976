internal import Crypto
package import SQLite
internal import SQLiteStore

/// Whether a SQLite database is sound.
package enum StoreProbe {
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

  package static func finding(_ path: String) -> Finding {
    do throws(DatabaseError) {
      guard let count = try jobCount(inFile: path) else {
        return Finding("store", .ok, "\(path) does not exist yet: `serve` creates it")
      }
      return Finding("store", .ok, "\(path) is sound and holds \(count) job(s)")
    } catch {
      return Finding("store", .failed, "\(error)")
    }
  }
}
