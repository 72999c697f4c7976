import ArgumentParser
import Console
import Daemon
internal import APITokens
internal import Settings
internal import System

/// Options that locate the jobs API of a running daemon.
struct JobsAPIOptions: ParsableArguments {
  @Option(help: "Base URL of the jobs API. (default: the address in API_LISTEN)")
  var api: String?

  @OptionGroup var settings: SettingsOptions

  /// Blocks SIGINT, and makes a client whose calls SIGINT cancels.
  ///
  /// Call it once: from then on a follower handles the signal.
  func interruptibleClient() throws -> JobsAPIClient {
    Signals.block([.interrupt])
    return try client { Signals.arePending([.interrupt]) }
  }

  /// - Parameter isCanceled: see ``BlockingHTTPClient``.
  func client(isCanceled: @escaping @Sendable () -> Bool = { false }) throws -> JobsAPIClient {
    var reader = try settings.reader()
    let base = try api ?? LocalURL.of(reader.read(ListenerSettings.apiAddresses))
    guard let base else {
      throw CommandFailure(
        "API_LISTEN has no port: send requests to the unix socket with curl --unix-socket, "
          + "or name another address with --api",
        code: .config)
    }
    return try JobsAPIClient(
      base: base, token: reader.read(AccessSettings.firstToken), isCanceled: isCanceled)
  }
}
