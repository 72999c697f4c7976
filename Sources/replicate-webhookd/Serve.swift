import ArgumentParser
import EventLoop
import Logging
import Receiver

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
      defer { sink.close() }
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
