internal import Foundation
internal import LiveDaemon

/// A chromedriver on a free port. It and its Chromium end with the tests.
final class DriverProcess {
  static let path = ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver"].first(where: isProgram)

  /// Chromium itself where it is known, because Debian's launcher adds keys of Google's services.
  static let browser = ["/usr/lib/chromium/chromium", "/usr/bin/chromium", "/usr/bin/google-chrome"]
    .first(where: isProgram)

  let port: Int
  private let process = ChildProcess()

  /// - Parameter folder: becomes the home of the browser, which writes nothing anywhere else.
  init(in folder: TemporaryFolder) throws {
    guard let path = Self.path else { throw Unusable("chromedriver is not installed") }
    let log = folder.url.appendingPathComponent("chromedriver.log")
    try Data().write(to: log)
    let command = StartingThread.killedWithUs + [path, "--port=0"]
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    // No TMPDIR: the browser makes a socket there, whose path has at most 107 bytes.
    process.environment = [
      "HOME": folder.url.path, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC",
    ]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: log)
    process.standardError = FileHandle.nullDevice
    try StartingThread.run(process)
    port = try Self.port(of: process, log)
  }

  deinit { end() }

  func end() {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  private static func isProgram(_ path: String) -> Bool { access(path, X_OK) == 0 }

  /// The port that it announces.
  private static func port(of process: ChildProcess, _ log: URL) throws -> Int {
    var port: Int?
    try wait("chromedriver to start") {
      let text = String(decoding: try Data(contentsOf: log), as: UTF8.self)
      guard process.isRunning else { throw Unusable("chromedriver ended: \(text)") }
      let announcement = text.components(separatedBy: "started successfully on port ").dropFirst().first
      port = announcement.flatMap { Int($0.prefix { $0.isNumber }) }
      return port != nil
    }
    guard let port else { throw Unusable("chromedriver announced no port") }
    return port
  }
}
