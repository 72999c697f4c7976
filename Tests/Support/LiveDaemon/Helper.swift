internal import Foundation

/// A program beside the daemon, such as an app, that ends with the test.
package final class Helper {
  private let process = ChildProcess()
  private let folder: TemporaryFolder
  private let outputFile: URL

  /// - Parameters:
  ///   - files: written into the working folder, by their names.
  ///   - port: the program is ready when something listens there; nil: at once.
  package init(
    _ command: [String], environment: [String: String] = [:], files: [String: String] = [:], port: Int? = nil
  ) throws {
    folder = try TemporaryFolder()
    for (name, text) in files { _ = try folder.write(text, to: name) }
    outputFile = URL(fileURLWithPath: try folder.write("", to: "output"))
    let command = StartingThread.killedWithUs + command
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = folder.url
    process.environment = environment.merging(["PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"]) { own, _ in
      own
    }
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = process.standardOutput
    process.standardInput = FileHandle.nullDevice
    try StartingThread.run(process)
    guard let port else { return }
    try wait("\(command.last ?? "") on port \(port)", seconds: 60) {
      guard process.isRunning else { throw Unusable("it ended: \(output)") }
      return (try? HTTPConnection(host: "127.0.0.1", port: port)) != nil
    }
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  package var output: String { (try? String(contentsOf: outputFile, encoding: .utf8)) ?? "" }

  package func waitForOutput(_ text: String) throws {
    try wait("\(text) in the output", seconds: 60) {
      if output.contains(text) { return true }
      guard process.isRunning else { throw Unusable("it ended: \(output)") }
      return false
    }
  }
}
