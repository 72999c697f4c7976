import ArgumentParser
import Console
import Daemon
import Diagnosis
import HTTPClient
import SQLite
import Scheduler
internal import WebhookIntake

/// `doctor`: examines the set-up, the network included.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Examine the set-up, Replicate and PUBLIC_URL included, and say what to do.",
    discussion: """
      One line for each: whether Replicate accepts the token, has the same secret and agrees about the \
      time; whether PUBLIC_URL leads to the daemon, without a redirect and with a valid certificate; the \
      folder, its owner and its free space; the addresses; the store. It changes nothing, and `check` does \
      without the network. PUBLIC_URL is called from this machine, which may hide what a sender elsewhere \
      sees.

      Run it as the daemon's user, while the daemon runs.

      Exit status: 0 if nothing failed, 1 if something did, 78 for a wrong setting.
      """)

  @Flag(help: "Print JSON: `ok`, and `findings` with subject, verdict, detail and remedy.")
  var json = false

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      let settings = try options.settings()
      let client = try BlockingHTTPClient()
      let send: Sender = { request in
        Result { () throws(HTTPClientError) in try client.send(request) }
      }
      var findings = ProviderProbe.findings(
        settings.provider, secrets: settings.intake.secrets, now: { WallTime.seconds },
        tolerance: settings.intake.signatureTolerance.components.seconds, send: send)
      findings += PublicURLProbe.findings(settings.provider.publicURL, send: send)
      findings += try place(settings)
      if json {
        Terminal.print(json: Finding.document(findings))
      } else {
        for finding in findings { Terminal.print(finding.line) }
      }
      if findings.contains(where: { $0.verdict == .failed }) { throw ExitCode(ExitStatus.failure.rawValue) }
    }
  }

  /// The store and the addresses.
  private func place(_ settings: DaemonSettings) throws -> [Finding] {
    let (isServed, store) = try examine(settings.database)
    let problems = settings.listeners.addressProblems.filter { !(isServed && $0.isAddressInUse) }
    let ports = problems.map { Finding("addresses", .failed, "\($0)") }
    let free = isServed ? "the daemon that serves this database listens" : "they are free"
    return (ports.isEmpty ? [Finding("addresses", .ok, free)] : ports) + store
  }

  private func examine(_ database: DatabaseSettings) throws -> (isServed: Bool, [Finding]) {
    switch database.location {
    case .sqlite(let path):
      return (DatabaseLock.isClaimed(path), FolderProbe.findings(path) + [finding(onFile: path)])
    case .postgreSQL(let url):
      do throws(StartError) {
        var lines: [String] = []
        let isServed = try ServerCheck.run(url, requiresStandby: database.requiresStandby) {
          lines.append($0)
        }
        return (isServed, [Finding("store", .ok, lines.first ?? "it answers")])
      } catch {
        return (false, [Finding("store", .failed, "\(error)")])
      }
    }
  }

  private func finding(onFile path: String) -> Finding {
    do throws(DatabaseError) {
      return Finding("store", .ok, try FileCheck.report(onFile: path))
    } catch {
      return Finding("store", .failed, "\(error)")
    }
  }
}
