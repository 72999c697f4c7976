import ArgumentParser
import Console
import Daemon
internal import Settings
import StandardWebhooks

/// The sources of a command's settings.
struct SettingsOptions: ParsableArguments {
  @Option(
    name: .customLong("env-file"),
    help: ArgumentHelp("Read settings from this file as well.", valueName: "file"),
    completion: .file())
  var envFile: String?

  /// All settings.
  func settings() throws -> DaemonSettings {
    var reader = try reader()
    return try reader.read(DaemonSettings.init)
  }

  /// The webhook secrets; fetched from Replicate if only a token is set.
  func secrets() throws -> [Secret] {
    var reader = try reader()
    let source = try reader.read(SecretSource.init)
    do throws(StartError) {
      return try source.secrets()
    } catch {
      throw CommandFailure("\(error)", code: error.mayPass ? .unavailable : .config)
    }
  }

  func reader() throws -> SettingsReader {
    try sources.read().reader
  }

  /// Where the settings come from, to read them again.
  var sources: SettingsSources {
    SettingsSources(
      variables: DaemonSettings.variables, environment: Environment.variables, envFile: envFile
    ) {
      Files.text(of: $0, maxBytes: EnvironmentFile.maxBytes)
    }
  }
}
