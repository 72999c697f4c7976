import ArgumentParser
import Jobs
import Receiver
import StandardWebhooks
import Store
import TLS

/// `check`: are the settings right, and is the store sound?
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check the settings and the store, without changing either.",
    discussion: "Exit status: 0 where all is well, 78 for a wrong setting, 1 for a store that cannot be used."
  )

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      let settings = try options.settings()
      Terminal.print(
        "settings   ok, \(settings.secrets.count) webhook secret(s), \(settings.apiTokens.count) API token(s)"
      )
      for (index, secret) in settings.secrets.enumerated() {
        if let warning = secret.lengthWarning { Terminal.print("warning    secret \(index + 1): \(warning)") }
      }
      Terminal.print("webhooks   \(settings.webhookAddresses.map(\.description).joined(separator: ", "))")
      Terminal.print("jobs API   \(settings.apiAddresses.map(\.description).joined(separator: ", "))")
      try checkCertificate(settings.tlsFiles)
      guard Files.exists(settings.databasePath) else {
        Terminal.print("store      \(settings.databasePath) does not exist yet: serve makes it")
        return
      }
      do throws(StoreError) {
        let reader = try StoreReader(path: settings.databasePath)
        if let damage = try reader.damage() { throw .corrupt(damage) }
        let sha256 = SHA256()
        let damaged = try reader.damagedBodies { sha256.digest(of: $0) }
        if let first = damaged.first {
          throw .corrupt(
            "the bodies of \(damaged.count) job(s) are not what was stored, the first of \(first)")
        }
        Terminal.print(
          "store      \(settings.databasePath) is sound and holds \(try reader.jobCount()) job(s)")
      } catch {
        throw CommandFailure("DATABASE_URL: \(error)", code: .failure)
      }
    }
  }

  private func checkCertificate(_ files: TLSFiles?) throws {
    guard let files else { return }
    do throws(StartError) {
      let context = try files.load(now: WallTime.seconds)
      let expiry = Timestamp(milliseconds: context.notAfter * 1000).rfc3339
      Terminal.print("TLS        \(context.names.joined(separator: ", ")), until \(expiry)")
    } catch {
      throw CommandFailure("\(error)", code: .config)
    }
  }
}
