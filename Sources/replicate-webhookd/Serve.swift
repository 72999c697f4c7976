import ArgumentParser
import Daemon
import EventLoop
import Logging
internal import Observability
internal import Settings
internal import System

/// `serve`: the daemon.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Receive webhooks and answer for jobs, until SIGTERM or SIGINT.",
    discussion:
      """
      Exit status: 0 after an orderly end, 1 after any other, 78 where a setting keeps it from starting, 69 where \
      Replicate does not answer and no REPLICATE_WEBHOOK_SECRET is set.
      """)

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      Signals.block()
      let settings = try options.settings()
      let sink = try startLog()
      let end = Result { try serve(settings, logTo: sink) }
      // Nobody reads standard error: to print a reason there would never return.
      guard sink.close() else { throw ExitCode(Self.status(of: end)) }
      try end.get()
    }
  }

  private func serve(_ settings: Settings, logTo sink: LogSink) throws {
    let format = settings.logFormat ?? (Terminal.isErrorInteractive ? .text : .json)
    let log = LineLogHandler(level: settings.logLevel.level, format: format, sink: sink)
    let application: Application
    do throws(StartError) {
      application = try Application(settings: settings, environment: Environment.variables, log: log)
    } catch {
      throw CommandFailure("\(error)", code: error.mayPass ? .unavailable : .config)
    }
    guard application.run() else { throw CommandFailure("not everything ended in order", code: .failure) }
  }

  private static func status(of end: Result<Void, any Error>) -> Int32 {
    switch end {
    case .success: ExitCode.success.rawValue
    case .failure(let failure): (failure as? CommandFailure)?.code.rawValue ?? ExitStatus.failure.rawValue
    }
  }

  private func startLog() throws -> LogSink {
    do throws(SystemError) {
      return try LogSink()
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }
}

extension LogLevel {
  fileprivate var level: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    }
  }
}
