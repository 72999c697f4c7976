import ArgumentParser

@main
struct ReplicateWebhookd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replicate-webhookd",
    abstract: "Turns Replicate's webhooks into jobs that you can ask for.",
    discussion: """
      A daemon that you register as the webhook URL of your Replicate predictions. It verifies every delivery, stores it \
      once, and only then acknowledges it; your app asks for a job's state over HTTP.

      Settings come from the environment, and from a file given with --env-file. See .env.example for all of them.
      """,
    version: Version.current,
    subcommands: [
      Serve.self, RunCommand.self, CancelCommand.self, JobCommand.self, JobsCommand.self, UsageCommand.self,
      Send.self, Verify.self, Check.self, Backup.self,
    ])

  static func main() {
    // The argument parser shows the general help for a command that does not exist, and counts that as a success.
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
