import ArgumentParser

/// What a user may choose.
struct SimulatorOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Where to listen; port 0 lets the system choose.", valueName: "address:port"))
  var listen = "127.0.0.1:9000"

  @Option(
    help: ArgumentHelp(
      "What `urls` begins with. (default: http:// and the address)", valueName: "url"))
  var publicURL: String?

  @Option(
    help: ArgumentHelp(
      "File that holds the signing secret, whsec_… (default: the environment's REPLICATE_WEBHOOK_SECRET, else a new one)",
      valueName: "file"), completion: .file())
  var secretFile: String?

  @Option(
    help: ArgumentHelp("File that holds the only token to let in. (default: any)", valueName: "file"),
    completion: .file())
  var apiTokenFile: String?

  @Flag(help: "Nothing on standard error but errors.")
  var quiet = false

  @Option(help: ArgumentHelp("How long a prediction runs: 500ms, 2s, 1m30s.", valueName: "duration"))
  var duration = DurationArgument("2s")

  @Option(help: ArgumentHelp("Creations a minute; a tenth of them may come at once.", valueName: "number"))
  var createRate = 600

  @Option(
    help: ArgumentHelp("Creations until the answer is 402. (default: no end)", valueName: "number"))
  var credit: Int?

  @Option(
    help: ArgumentHelp("Predictions to remember; the oldest that ended go first.", valueName: "number"))
  var maxPredictions = 10_000

  @Option(
    help: ArgumentHelp(
      "From the end of a prediction to the last attempt to tell it.", valueName: "duration"))
  var retryWindow = DurationArgument("60s")

  @Option(help: ArgumentHelp("How long a receiver may take to answer.", valueName: "duration"))
  var webhookTimeout = DurationArgument("10s")

  @Option(help: ArgumentHelp("Webhooks sent at the same time.", valueName: "number"))
  var senders = 16

  @Option(
    help: ArgumentHelp(
      "The same faults for the same creations. (default: another one each time)", valueName: "number"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("Part of the webhooks that are never sent, 0 to 1.", valueName: "part"))
  var lose = 0.0

  @Option(help: ArgumentHelp("Part that is sent twice.", valueName: "part"))
  var duplicate = 0.0

  @Option(help: ArgumentHelp("Part that is overtaken by later ones.", valueName: "part"))
  var reorder = 0.0

  @Option(
    help: ArgumentHelp(
      "Part of the API's answers that are 500 or 503, half of them after the work was done.",
      valueName: "part"))
  var apiErrors = 0.0

  @Flag(help: "Items of the list of predictions show their webhooks. Replicate documents that they do not.")
  var listWebhooks = false

  @Option(help: ArgumentHelp("How long every answer of the API is held back.", valueName: "duration"))
  var latency = DurationArgument("0s")

  func validate() throws {
    for (name, part) in [
      ("lose", lose), ("duplicate", duplicate), ("reorder", reorder), ("api-errors", apiErrors),
    ] where !(0...1).contains(part) {
      throw ValidationError("--\(name) must be from 0 to 1.")
    }
    for (name, number, range) in [
      ("create-rate", createRate, 1...1_000_000_000), ("credit", credit ?? 0, 0...1_000_000_000),
      ("max-predictions", maxPredictions, 1...1_000_000), ("senders", senders, 1...256),
    ] where !range.contains(number) {
      throw ValidationError("--\(name) must be from \(range.lowerBound) to \(range.upperBound).")
    }
    guard webhookTimeout.duration > .zero else { throw ValidationError("--webhook-timeout must not be 0.") }
    if let publicURL, !publicURL.hasPrefix("http://"), !publicURL.hasPrefix("https://") {
      throw ValidationError("--public-url must begin with http:// or https://.")
    }
  }
}

/// A duration as an argument.
struct DurationArgument: ExpressibleByArgument {
  let duration: Duration
  let defaultValueDescription: String

  /// Nil where `argument` is no duration with its unit.
  init?(argument: String) {
    guard Int(argument) == nil, let duration = DurationText.parse(argument) else { return nil }
    self.duration = duration
    defaultValueDescription = argument
  }

  /// A default.
  init(_ text: StaticString) {
    defaultValueDescription = "\(text)"
    duration = DurationText.parse("\(text)") ?? .zero
  }
}
