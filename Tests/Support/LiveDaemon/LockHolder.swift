import Foundation

/// Another process that holds the write lock of a database.
package final class LockHolder {
  private let process = ChildProcess()
  private let input = Pipe()

  package init(_ database: String) throws {
    let script = """
      import sqlite3, sys
      connection = sqlite3.connect(sys.argv[1], isolation_level=None)
      connection.execute("BEGIN IMMEDIATE")
      print("locked", flush=True)
      sys.stdin.readline()
      """
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, database]
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    guard output.fileHandleForReading.availableData.starts(with: Data("locked".utf8)) else {
      throw Unusable("\(database) cannot be locked")
    }
  }

  package func release() throws {
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
