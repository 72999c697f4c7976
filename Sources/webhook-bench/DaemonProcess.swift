import Glibc
import StandardWebhooks

/// Our own daemon, on ports that the system chooses.
final class DaemonProcess {
  private let process: ChildProcess
  private let log: String
  private let path: String
  private(set) var webhookPort = 0
  private(set) var apiPort = 0

  var id: pid_t { process.id }

  /// - Parameters:
  ///   - environment: settings besides secret, addresses and database, each `NAME=value`.
  ///   - database: a path.
  init(
    _ path: String, secret: Secret, database: String, in folder: TemporaryFolder, environment: [String]
  ) throws {
    // In memory if possible, so that log lines do not count as disk writes of the daemon.
    let name = "webhook-bench-\(getpid())-\(UInt32.random(in: 0 ... .max)).log"
    log = (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : folder.path) + "/" + name
    let all =
      [
        "PATH=/usr/bin:/bin", "REPLICATE_WEBHOOK_SECRET=\(secret.revealed)", "WEBHOOK_LISTEN=127.0.0.1:0",
        "API_LISTEN=127.0.0.2:0", "DATABASE_URL=sqlite:\(database)", "LOG_FORMAT=text",
      ] + environment
    do {
      process = try ChildProcess(path, ["serve"], environment: all, output: log)
    } catch {
      // The log file was created before the start failed.
      unlink(log)
      throw error
    }
    self.path = path
  }

  deinit {
    process.stop()
    unlink(log)
  }

  /// Throws if the daemon has ended.
  ///
  /// The cause may be a wrong setting, or the database.
  func requireRunning() throws {
    guard process.poll() == nil else {
      throw Failure("\(path) ended: \(SystemFile.text(of: log) ?? "")", .unavailable)
    }
  }

  /// Reads both ports from the log, for at most half a minute.
  func readPorts() throws {
    for _ in 0..<6000 where webhookPort == 0 || apiPort == 0 {
      try Interruption.check()
      try requireRunning()
      let text = SystemFile.text(of: log) ?? ""
      for line in text.split(separator: "\n") where line.contains("listening") {
        let address = line.split(separator: " ").first { $0.hasPrefix("address=") }
        guard let port = address?.split(separator: ":").last.flatMap({ Int($0) }) else { continue }
        if line.contains("purpose=webhooks") { webhookPort = port }
        if line.contains("purpose=api") { apiPort = port }
      }
      if webhookPort == 0 || apiPort == 0 { usleep(5000) }
    }
    guard webhookPort != 0, apiPort != 0 else {
      throw Failure("\(path) logs no listening address: \(SystemFile.text(of: log) ?? "")", .unavailable)
    }
  }
}
