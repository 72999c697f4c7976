package import ArgumentParser
internal import Settings

/// An unsuccessful end of a command.
///
/// One line for people, an exit status for scripts.
package struct CommandFailure: Error, CustomStringConvertible {
  package let description: String
  package let code: ExitStatus

  package init(_ description: String, code: ExitStatus) {
    self.description = description
    self.code = code
  }
}

/// Exit statuses, from sysexits.h where it has one.
///
/// For usage errors that it finds itself, the argument parser sets 64 too.
package enum ExitStatus: Int32 {
  case failure = 1
  /// The job that the command followed was canceled.
  case canceled = 2
  /// EX_USAGE: the command cannot do that.
  case usage = 64
  /// EX_DATAERR: the daemon rejects what was sent.
  case rejected = 65
  /// EX_NOINPUT
  case noInput = 66
  /// EX_UNAVAILABLE: the server does not answer.
  case unavailable = 69
  /// EX_CONFIG
  case config = 78
}

extension ParsableCommand {
  /// Runs `body` and turns its failure into lines and an exit status.
  ///
  /// The lines of the reason go to standard error.
  package func reportingFailure(_ body: () throws -> Void) throws {
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
