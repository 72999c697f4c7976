internal import Foundation
internal import LiveDaemon

/// Writes that fail with an errno from a preloaded library.
///
/// Not every machine can be made to return it otherwise. Reads go on meanwhile, and the service resumes when
/// writing is allowed again.
enum WriteRefusalProof {
  /// Network storage that is exported read-only for a while.
  static func readOnly(_ scenario: Scenario) throws -> Row {
    try run(scenario, "storage that is read-only for a while", EROFS, logging: "Read-only file system")
  }

  static func quota(_ scenario: Scenario) throws -> Row {
    try run(scenario, "disk quota", EDQUOT, logging: "Disk quota exceeded")
  }

  private static func run(
    _ scenario: Scenario, _ fault: String, _ number: Int32, logging cause: String
  ) throws -> Row {
    guard let library = scenario.diskRefusal else { throw Unusable("this proof needs --disk-refusal") }
    let run = try Run(scenario, fault)
    let refusal = run.folder.url.appendingPathComponent("refusal")
    try Data(repeating: 0, count: 4).write(to: refusal)
    run.environment["DISK_REFUSAL"] = refusal.path
    run.environment["LD_PRELOAD"] = library
    try run.start()
    for _ in 0..<(scenario.isLong ? 10 : 2) {
      try run.beginLoad()
      try run.waitForAcknowledgements(Run.some)
      try set(refusal, to: number)
      try run.endureRefusals(logging: cause)
      try set(refusal, to: 0)
      try run.recoverFromRefusals()
    }
    try run.examine()
    return run.finished("\(run.ledger.count(of: 503)) answered 503")
  }

  /// Writes in place, because the daemon has the file mapped.
  private static func set(_ file: URL, to number: Int32) throws {
    let handle = try FileHandle(forUpdating: file)
    try withUnsafeBytes(of: number) { try handle.write(contentsOf: Data($0)) }
    try handle.close()
  }
}
