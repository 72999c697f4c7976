import ArgumentParser
import Daemon
internal import Settings

/// An end of a command that is not a success: one line for people, an exit status for scripts.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String
  let code: ExitStatus

  init(_ description: String, code: ExitStatus) {
    self.description = description
    self.code = code
  }
}

/// Exit statuses, after sysexits.h where it has one. Usage errors are 64, which the argument parser says itself.
enum ExitStatus: Int32 {
  case failure = 1
  /// The job that was waited for was canceled.
  case canceled = 2
  /// EX_DATAERR: what was sent is not taken.
  case rejected = 65
  /// EX_NOINPUT
  case noInput = 66
  /// EX_UNAVAILABLE: what was asked does not answer.
  case unavailable = 69
  /// EX_CONFIG
  case config = 78
}

extension ParsableCommand {
  /// Runs `body`; on failure prints every line of the reason to standard error and ends with its status.
  func reportingFailure(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let failure as CommandFailure {
      Terminal.error(failure.description)
      throw ExitCode(failure.code.rawValue)
    } catch let problems as SettingProblems {
      for problem in problems.problems { Terminal.error(problem.description) }
      throw ExitCode(ExitStatus.config.rawValue)
    }
  }
}
