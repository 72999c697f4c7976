import ArgumentParser
internal import BuildInfo
import Console

@main
struct ReplicateWebhookd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replicate-webhookd",
    abstract: "Receives Replicate's webhooks and serves them as jobs over HTTP.",
    discussion: """
      A daemon that you register as the webhook URL of your Replicate predictions. It verifies every \
      delivery, stores it once, and only then acknowledges it. Your app reads a job's state over HTTP.

      Settings come from the environment, and from a file given with --env-file. .env.example lists all of \
      them.
      """,
    version: BuildInfo.text,
    subcommands: [
      Serve.self, RunCommand.self, CancelCommand.self, RetryCommand.self, DeleteCommand.self,
      JobCommand.self, JobsCommand.self, EventsCommand.self, TokenCommand.self, UsageCommand.self,
      CallbacksCommand.self, RefusalsCommand.self, WorkflowCommand.self, Listen.self, Send.self, Verify.self,
      Check.self, Doctor.self, HealthCommand.self, Backup.self, RestoreCommand.self, CompactCommand.self,
      ExportCommand.self, Migrate.self, MoveCommand.self,
    ])

  static func main() {
    // The argument parser shows the general help for an unknown command, and exits with 0.
    let arguments = CommandLine.arguments.dropFirst()
    let commands = configuration.subcommands.map { $0._commandName }
    if arguments.first == "help", let name = arguments.dropFirst().first(where: { !$0.hasPrefix("-") }),
      name != "help", !commands.contains(name)
    {
      exit(withError: ValidationError("there is no command named \(Terminal.visible(name))"))
    }
    main(nil)
  }
}
