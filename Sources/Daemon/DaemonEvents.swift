internal import HTTPWire
internal import Logging
internal import Observability
internal import StandardWebhooks
internal import System

// MARK: - Start and stop

extension LogEntry {
  static func descriptorsScarce(available: Int, wanted: Int) -> LogEntry {
    LogEntry(
      .warning,
      "descriptor limit too low for MAX_CONNECTIONS; accepting pauses when it is reached: raise LimitNOFILE=",
      ["available": .number(available), "wanted": .number(wanted)])
  }

  static func secretUnusual(position: Int, reason: String) -> LogEntry {
    LogEntry(.warning, "unusual webhook secret", ["position": .number(position), "reason": .text(reason)])
  }

  static func storeMigrating(_ migration: String) -> LogEntry {
    LogEntry(
      .notice, "migrating the store; the start goes on after it, and no delivery is accepted until then",
      ["migration": .text(migration)])
  }

  /// - Parameter location: where the store is.
  static func storeOpened(_ location: LogFields) -> LogEntry { LogEntry(.notice, "store opened", location) }

  /// - Parameter details: what the listener serves.
  static func listening(on address: String, usesTLS: Bool, _ details: LogFields) -> LogEntry {
    let entry = LogEntry(.notice, "listening", ["address": .text(address)]).adding(details)
    return usesTLS ? entry.adding(["tls": .flag(true)]) : entry
  }

  static func signalReceived(_ signal: Signal) -> LogEntry {
    LogEntry(.notice, "signal received", ["name": .text("\(signal)")])
  }

  static func listenerFailed(cause: SystemError) -> LogEntry {
    LogEntry(.error, "listener failed; stopping", ["cause": .text("\(cause)")])
  }

  static func stopping(grace: Duration) -> LogEntry {
    LogEntry(.notice, "stopping", ["grace_seconds": .seconds(grace)])
  }

  static var graceExpired: LogEntry {
    LogEntry(.warning, "shutdown grace expired; closing open connections")
  }

  static func requestsCut(count: Int) -> LogEntry {
    LogEntry(.warning, "connections closed with unanswered requests", ["count": .number(count)])
  }

  static var stopped: LogEntry { LogEntry(.notice, "stopped") }
}

// MARK: - While it runs

extension LogEntry {
  static func certificateLoaded(names: [String], expires: String) -> LogEntry {
    LogEntry(
      .notice, "certificate loaded",
      ["expires": .text(expires), "names": .text(names.joined(separator: " "))])
  }

  static func certificateExpiresSoon(expires: String) -> LogEntry {
    LogEntry(.warning, "certificate expires soon: renew it, then reload", ["expires": .text(expires)])
  }

  static func certificateReloadFailed(cause: StartError) -> LogEntry {
    LogEntry(
      .error, "certificate reload failed; still serving the old one", ["cause": .text("\(cause)")])
  }

  static var secretRotated: LogEntry {
    LogEntry(.notice, "signing secret rotated; accepting old and new")
  }

  static func acceptFailed(cause: SystemError) -> LogEntry {
    LogEntry(
      .error,
      "accept failed; evicting a connection or pausing: raise LimitNOFILE=, or lower MAX_CONNECTIONS",
      ["cause": .text("\(cause)")])
  }
}

// MARK: - What clients cause

extension LogEntry {
  /// The maximum length of a request's part in a log line.
  static let maxShownCharacters = 100

  /// A change that a named token, or its session, may make. Its outcome is in the job's history.
  static func changed(by token: String, _ method: Method, _ target: RequestTarget) -> LogEntry {
    LogEntry(
      .info, "change requested",
      ["token": .text(token), "method": .text(method.name), "path": .text(path(of: target))])
  }

  /// The path without its query, which may hold a token.
  static func path(of target: RequestTarget) -> String {
    String(("/" + target.segments.joined(separator: "/")).prefix(maxShownCharacters))
  }
}
