internal import Foundation
internal import LiveDaemon

/// The system refuses to write: an errno that not every machine can be brought to return comes from a library that is
/// loaded into the daemon. Reading goes on, and so does the service when writing is allowed again.
enum WriteRefusalProof {
  /// Storage behind a network that is exported for reading alone for a while.
  static func readOnly(_ course: Course) throws -> Row {
    try run(course, "storage that is read-only for a while", EROFS, saying: "Read-only file system")
  }

  static func quota(_ course: Course) throws -> Row {
    try run(course, "disk quota", EDQUOT, saying: "Disk quota exceeded")
  }

  private static func run(
    _ course: Course, _ fault: String, _ number: Int32, saying cause: String
  ) throws -> Row {
    guard let library = course.diskRefusal else { throw Unusable("this proof needs --disk-refusal") }
    let trial = try Trial(course, fault)
    let refusal = trial.folder.url.appendingPathComponent("refusal")
    try Data(repeating: 0, count: 4).write(to: refusal)
    trial.environment["DISK_REFUSAL"] = refusal.path
    trial.environment["LD_PRELOAD"] = library
    try trial.start()
    for _ in 0..<(course.isLong ? 10 : 2) {
      try trial.beginLoad()
      try trial.waitForAcknowledgements(Trial.some)
      try set(refusal, to: number)
      try trial.endureRefusals(saying: cause)
      try set(refusal, to: 0)
      try trial.recoverFromRefusals()
    }
    try trial.examine()
    return trial.finished("\(trial.ledger.count(of: 503)) answered 503")
  }

  /// Written in place, for the daemon has the file mapped.
  private static func set(_ file: URL, to number: Int32) throws {
    let handle = try FileHandle(forUpdating: file)
    try withUnsafeBytes(of: number) { try handle.write(contentsOf: Data($0)) }
    try handle.close()
  }
}
