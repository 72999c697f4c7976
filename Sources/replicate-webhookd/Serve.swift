import ArgumentParser
import Console
import Daemon
import EventLoop
import Logging
internal import Observability
internal import Reload
internal import Settings
internal import System

/// `serve`: runs the daemon.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Receive webhooks and serve the jobs API, until SIGTERM or SIGINT.",
    discussion:
      """
      Exit status: 0 after a clean shutdown, 1 after an unclean one, 78 if a setting prevents the start, 69 \
      if Replicate does not answer and REPLICATE_WEBHOOK_SECRET is not set.
      """)

  @OptionGroup var options: SettingsOptions

  func run() throws {
    try reportingFailure {
      Signals.block()
      let (sources, reading) = (options.sources, try options.sources.read())
      var reader = reading.reader
      let settings = try reader.read(DaemonSettings.init)
      let reload = SettingsReload(sources: sources, reading: reading)
      let sink = try startLog(settings.log.format ?? (Terminal.isErrorInteractive ? .text : .json))
      let end = Result { try serve(settings, reload, logTo: sink) }
      // Standard error has no reader: printing a reason there would block forever.
      guard sink.close() else { throw ExitCode(Self.status(of: end)) }
      try end.get()
    }
  }

  private func serve(_ settings: DaemonSettings, _ reload: SettingsReload, logTo sink: LogSink) throws {
    let log = LineLogHandler(level: Logger.Level(settings.log.level), sink: sink)
    let application: Application
    do throws(StartError) {
      application = try Application(
        settings: settings, environment: Environment.variables, reload: reload, log: log)
    } catch {
      throw CommandFailure("\(error)", code: error.mayPass ? .unavailable : .config)
    }
    guard application.run() else { throw CommandFailure("unclean shutdown: see the log", code: .failure) }
  }

  private static func status(of end: Result<Void, any Error>) -> Int32 {
    switch end {
    case .success: ExitCode.success.rawValue
    case .failure(let failure): (failure as? CommandFailure)?.code.rawValue ?? ExitStatus.failure.rawValue
    }
  }

  private func startLog(_ format: LogFormat) throws -> LogSink {
    do throws(SystemError) {
      return try LogSink(
        format: format,
        hasPriorities: JournalStream.isDestination(of: 2, environment: Environment.variables))
    } catch {
      throw CommandFailure("\(error)", code: .failure)
    }
  }
}
