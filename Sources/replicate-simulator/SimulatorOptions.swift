import ArgumentParser
internal import Time

/// The command's options.
struct SimulatorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The address to listen on; with port 0 the system chooses one.", valueName: "address:port"))
  var listen = "127.0.0.1:9000"

  @Option(
    help: ArgumentHelp(
      "The base of the URLs in `urls`. (default: http:// and the address)", valueName: "url"))
  var publicURL: String?

  @Option(
    help: ArgumentHelp(
      "File with the signing secret, whsec_… (default: the environment's REPLICATE_WEBHOOK_SECRET, "
        + "or a new secret)",
      valueName: "file"), completion: .file())
  var secretFile: String?

  @Option(
    help: ArgumentHelp(
      "File with the only accepted API token. (default: any is accepted)", valueName: "file"),
    completion: .file())
  var apiTokenFile: String?

  @Option(
    help: ArgumentHelp(
      "File with models of your own, as JSON; see above.", valueName: "file"), completion: .file())
  var models: String?

  @Option(
    help: ArgumentHelp(
      "The base of the URLs of output files, such as https://replicate.delivery, where none can be fetched. "
        + "(default: --public-url)",
      valueName: "url"))
  var outputBase: String?

  @Option(
    help: ArgumentHelp(
      "Time from a prediction's end to the removal of its input, output, logs and files.",
      valueName: "duration"))
  var outputLifetime = DurationArgument("1h")

  @Flag(help: "Print only errors on standard error.")
  var quiet = false

  @Option(help: ArgumentHelp("How long a prediction runs: 500ms, 2s, 1m30s.", valueName: "duration"))
  var duration = DurationArgument("2s")

  @Option(help: ArgumentHelp("Maximum creations per minute; bursts of a tenth of that.", valueName: "number"))
  var createRate = 600

  @Option(
    help: ArgumentHelp("Creations before the API responds 402. (default: unlimited)", valueName: "number"))
  var credit: Int?

  @Option(
    help: ArgumentHelp("Maximum predictions in memory; the oldest ended are evicted.", valueName: "number"))
  var maxPredictions = 10_000

  @Option(
    help: ArgumentHelp(
      "Time from the first attempt at a completed webhook to the last.", valueName: "duration"))
  var retryWindow = DurationArgument("60s")

  @Option(help: ArgumentHelp("Timeout of a webhook request.", valueName: "duration"))
  var webhookTimeout = DurationArgument("10s")

  @Option(help: ArgumentHelp("Maximum webhooks in flight.", valueName: "number"))
  var senders = 16

  @Option(
    help: ArgumentHelp(
      "The same seed injects the same faults. (default: random)", valueName: "number"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("Fraction of webhooks never sent, 0 to 1.", valueName: "part"))
  var lose = 0.0

  @Option(help: ArgumentHelp("Fraction sent twice.", valueName: "part"))
  var duplicate = 0.0

  @Option(help: ArgumentHelp("Fraction delayed past later webhooks.", valueName: "part"))
  var reorder = 0.0

  @Option(
    help: ArgumentHelp(
      "Fraction of API responses replaced by 500 or 503, half of them after the work was done.",
      valueName: "part"))
  var apiErrors = 0.0

  @Option(
    help: ArgumentHelp(
      "Fraction of requests for files that get 503 or 404, or only a part of the file.", valueName: "part"))
  var fileErrors = 0.0

  @Flag(help: "Show webhooks in the list of predictions, although Replicate documents none there.")
  var listWebhooks = false

  @Option(help: ArgumentHelp("Added latency of every API response.", valueName: "duration"))
  var latency = DurationArgument("0s")

  func validate() throws {
    for (name, part) in [
      ("lose", lose), ("duplicate", duplicate), ("reorder", reorder), ("api-errors", apiErrors),
      ("file-errors", fileErrors),
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
    for (name, url) in [("public-url", publicURL), ("output-base", outputBase)] {
      guard let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") else { continue }
      throw ValidationError("--\(name) must begin with http:// or https://.")
    }
  }
}

extension DurationFormat {
  /// The syntax of the header field `Cancel-After`: at most a week, because a longer duration is a mistake.
  static let cancelAfter = DurationFormat(
    units: [.hours, .minutes, .seconds, .milliseconds], order: .repeating, acceptsBareSeconds: true,
    maxDigits: 9, max: .seconds(7 * 24 * 3600))
}

/// A duration option.
struct DurationArgument: ExpressibleByArgument {
  let duration: Duration
  let defaultValueDescription: String

  /// Nil if `argument` is no duration with a unit.
  init?(argument: String) {
    guard Int(argument) == nil, let duration = DurationFormat.cancelAfter.parse(argument) else { return nil }
    self.duration = duration
    defaultValueDescription = argument
  }

  /// A default value.
  init(_ text: StaticString) {
    defaultValueDescription = "\(text)"
    duration = DurationFormat.cancelAfter.parse("\(text)") ?? .zero
  }
}
