internal import Foundation
internal import LiveDaemon

/// A second daemon on the same file is refused, and the first notices nothing.
enum SecondDaemonProof {
  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "second daemon on the same file")
    try trial.start()
    try trial.beginLoad()
    for _ in 0..<(course.isLong ? 50 : 5) {
      try trial.waitForAcknowledgements(Trial.some / 5)
      let result = try trial.tryToServe(trial.database)
      if result.status != 78 || !result.error.contains("another daemon serves this database") {
        trial.complain("the second ended with \(result.status): \(result.error)")
      }
      trial.row.rounds += 1
    }
    try trial.waitForAcknowledgements(Trial.some)
    try trial.endLoad()
    if trial.ledger.count(of: 503) > 0 { trial.complain("\(trial.ledger.count(of: 503)) answered 503") }
    try trial.examine()
    return trial.finished()
  }
}

/// A database with damage is refused at the start, and the file that was put aside serves again.
enum DamageProof {
  /// Where bytes are overwritten: in what tells a database, in its first page, and in all of its beginning.
  private static let places = [(offset: 0, count: 16), (offset: 100, count: 3996), (offset: 0, count: 65536)]

  static func run(_ course: Course) throws -> Row {
    let trial = try Trial(course, "damaged file")
    let files = FileManager.default
    let aside = trial.folder.url.appendingPathComponent("aside").path
    try trial.start()
    for place in places {
      try trial.beginLoad()
      try trial.waitForAcknowledgements(Trial.some)
      try trial.endLoad()
      let status = try trial.requireDaemon().stop()
      if status != 0 { trial.complain("a stop ended with \(status)") }
      for suffix in ["-wal", "-shm"] { try? files.removeItem(atPath: trial.database + suffix) }
      try files.copyItem(atPath: trial.database, toPath: aside)
      try overwrite(trial.database, at: place.offset, count: place.count)
      let result = try trial.tryToServe(trial.database)
      if result.status != 78 || !result.error.contains("DATABASE_URL: ") {
        trial.complain("with damage at \(place.offset) it ended with \(result.status): \(result.error)")
      }
      for suffix in ["", "-wal", "-shm"] { try? files.removeItem(atPath: trial.database + suffix) }
      try files.moveItem(atPath: aside, toPath: trial.database)
      trial.noteEndOfFault()
      try trial.start()
      try trial.beginLoad()
      try trial.noteRecovery()
      try trial.endLoad()
      try trial.examine()
      trial.row.rounds += 1
    }
    return trial.finished()
  }

  private static func overwrite(_ path: String, at offset: Int, count: Int) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(offset))
    try file.write(contentsOf: Data(repeating: 0x5A, count: count))
    try file.close()
  }
}

extension Trial {
  /// `serve` on `database`; ended after a while, should it start.
  fileprivate func tryToServe(_ database: String) throws -> Program.Result {
    try Program.run(
      ["5", course.executable, "serve"],
      environment: [
        "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
        "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(database)",
      ], executable: "/usr/bin/timeout")
  }
}
