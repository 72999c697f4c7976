import APITokens
import ArgumentParser
import Console
import Daemon
import Diagnosis
import Jobs
import JobsAPI
import SQLite
import Scheduler
import StandardWebhooks
import TLS
internal import Time
import WebhookIntake

/// `check`: verifies settings, addresses and the store.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check settings, addresses and the store, without changing anything.",
    discussion: """
      Where outputs are kept, it also writes, reads and removes a small file there.

      Run it as the daemon's user, because it checks permissions too. A daemon that serves this database may \
      keep running; its addresses are then in use.

      Exit status: 0 if `serve` would start, 78 for a wrong setting or an address in use, 1 for a store that \
      cannot be used.
      """
  )

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      let settings = try options.settings()
      Terminal.print(
        "settings   ok, \(settings.intake.secrets.count) webhook secret(s), "
          + settings.access.summary
      )
      for (index, secret) in settings.intake.secrets.enumerated() {
        if let warning = secret.lengthWarning { Terminal.print("warning    secret \(index + 1): \(warning)") }
      }
      Terminal.print(
        "webhooks   \(settings.listeners.webhookAddresses.map(\.description).joined(separator: ", "))")
      Terminal.print(
        "jobs API   \(settings.listeners.apiAddresses.map(\.description).joined(separator: ", "))")
      Terminal.print("provider   \(describe(settings))")
      try checkCertificate(settings.listeners.tlsFiles)
      for line in settings.capabilities.flatMap({ $0.check() }) { Terminal.print(line) }
      switch settings.database.location {
      case .sqlite(let path):
        try checkAddresses(settings, isServed: DatabaseLock.isClaimed(path))
        for finding in FolderProbe.findings(path) where finding.verdict != .ok {
          Terminal.print(finding.line)
        }
        try checkFile(path)
      case .postgreSQL(let url):
        try checkAddresses(settings, isServed: try checkServer(url, settings.database))
      }
    }
  }

  private func checkFile(_ path: String) throws {
    do throws(DatabaseError) {
      Terminal.print("store      \(try FileCheck.report(onFile: path))")
    } catch {
      throw CommandFailure("DATABASE_URL: \(error)", code: .failure)
    }
  }

  /// - Returns: whether daemons use the database.
  private func checkServer(_ url: DatabaseURL, _ settings: DatabaseSettings) throws -> Bool {
    do throws(StartError) {
      return try ServerCheck.run(url, requiresStandby: settings.requiresStandby) { Terminal.print($0) }
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }

  /// How the daemon uses Replicate's API, and how it receives updates.
  private func describe(_ settings: DaemonSettings) -> String {
    let provider = settings.provider
    guard provider.token != nil else { return "REPLICATE_API_TOKEN is not set: the daemon only listens" }
    let secret = settings.intake.secrets.isEmpty ? "; the webhook secret is fetched at start" : ""
    guard let publicURL = provider.publicURL else {
      return "\(provider.apiURL), PUBLIC_URL is not set: predictions are only polled" + secret
    }
    return "\(provider.apiURL), webhooks to \(publicURL)/webhooks/replicate" + secret
  }

  /// Reports addresses that cannot be listened on.
  ///
  /// An address in use is no problem if a daemon serves this database: it listens there itself.
  private func checkAddresses(_ settings: DaemonSettings, isServed: Bool) throws {
    if isServed { Terminal.print("daemon     a daemon serves this database: its addresses are in use") }
    let problems = settings.listeners.addressProblems.filter { !(isServed && $0.isAddressInUse) }
    for problem in problems.dropLast() { Terminal.error(problem.description) }
    if let last = problems.last { throw CommandFailure(last.description, code: .config) }
  }

  private func checkCertificate(_ files: TLSFiles?) throws {
    guard let files else { return }
    do throws(StartError) {
      let context = try files.load(now: WallTime.seconds)
      let expiry = Timestamp(unixSeconds: context.notAfter).rfc3339
      Terminal.print("TLS        \(context.names.joined(separator: ", ")), until \(expiry)")
    } catch {
      throw CommandFailure("\(error)", code: .config)
    }
  }
}
