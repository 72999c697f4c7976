import ArgumentParser
import Console

/// `health`: checks whether a running daemon can serve.
struct HealthCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Check that a running daemon can read and write its store.",
    discussion: """
      It requests /readyz of the jobs API, for the health check of a container, or for a script.

      Exit status: 0 if the daemon is ready, 69 if it is not, or does not answer.
      """)

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      _ = try api.client().get("/readyz")
      Terminal.print("ready")
    }
  }
}
