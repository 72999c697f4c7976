internal import Foundation
package import LiveDaemon

/// The account and the programs of test servers.
///
/// PostgreSQL and PgBouncer refuse to run as root. Tests that run as root start them as `postgres`, or else
/// as `nobody`.
package enum ServerAccount {
  /// Whether tests use a program.
  ///
  /// `POSTGRESQL_TESTS=required` makes its absence a failure of the tests that need it.
  static func canUse(_ program: String, at path: String?) -> Bool {
    if path != nil || ProcessInfo.processInfo.environment["POSTGRESQL_TESTS"] == "required" { return true }
    let line =
      "\(program) is not installed, so its tests are skipped: apt-get install \(program.lowercased())\n"
    FileHandle.standardError.write(Data(line.utf8))
    return false
  }

  /// The folder with initdb and postgres of the newest version. Nil where none is installed.
  package static let binaries: String? = {
    let root = "/usr/lib/postgresql"
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let newest = versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
    return newest.first { access("\($0)/initdb", X_OK) == 0 && access("\($0)/postgres", X_OK) == 0 }
  }()

  package static let pgBouncer: String? = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first {
    access($0, X_OK) == 0
  }

  /// The account. Nil where the tests do not run as root.
  private static let account: (user: uid_t, group: gid_t)? = {
    guard geteuid() == 0 else { return nil }
    guard let entry = getpwnam("postgres") ?? getpwnam("nobody") else { return nil }
    return (entry.pointee.pw_uid, entry.pointee.pw_gid)
  }()

  /// A command prefix that changes to the account.
  private static let prefix: [String] =
    account.map {
      ["/usr/bin/setpriv", "--reuid", "\($0.user)", "--regid", "\($0.group)", "--clear-groups"]
    } ?? []

  /// Gives a file or folder to the account.
  package static func own(_ path: String) throws {
    guard let account else { return }
    guard chown(path, account.user, account.group) == 0 else { throw Unusable("\(path): chown failed") }
  }

  /// Runs a program to its end; throws unless it succeeds.
  @discardableResult
  package static func run(_ command: [String]) throws -> String {
    let command = prefix + command
    let result = try Program.run(
      Array(command.dropFirst()), environment: ["LC_ALL": "C"], executable: command[0])
    guard result.status == 0 else {
      throw Unusable("\(command.joined(separator: " ")) failed: \(result.error.suffix(500))")
    }
    return result.output
  }

  /// Starts a program that ends when the tests do.
  ///
  /// - Parameter signal: ends the program then.
  package static func start(
    _ command: [String], endedBy signal: String, log: String
  ) throws -> ChildProcess {
    // It comes last, because a change of the account would clear it.
    let killed = ["/usr/bin/setpriv", "--pdeathsig", signal]
    let command = prefix + killed + command
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.environment = ["LC_ALL": "C", "PATH": "/usr/bin:/bin"]
    if access(log, F_OK) != 0 { try Data().write(to: URL(fileURLWithPath: log)) }
    let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    output.seekToEndOfFile()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try StartingThread.run(process)
    return process
  }
}
