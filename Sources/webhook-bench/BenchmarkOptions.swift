import ArgumentParser
import Glibc
import StandardWebhooks

/// What a user may choose.
struct BenchmarkOptions: ParsableArguments {
  @Option(help: "What to measure; --list explains them.")
  var scenario = ScenarioChoice(.single)

  @Flag(help: "List the scenarios, and end.")
  var list = false

  @Option(help: "Deliveries to send, or jobs to read. (default: 20000; fewer for large bodies)")
  var deliveries: Int?

  @Option(help: "Connections, each with one request at a time.")
  var connections = 64

  @Option(help: "Bytes of a body. (default: 2500, or what the scenario says)")
  var bodyBytes: Int?

  @Option(help: "Seconds after which a measurement ends, done or not.")
  var seconds = 60

  @Option(help: "Jobs in the store before reads begin, and after fill.")
  var jobs = 1_000_000

  @Option(help: "Deliveries of each of those, the last one of --body-bytes.")
  var deliveriesPerJob = 1

  @Option(help: "Starts of the scenario start.")
  var repeats = 20

  @Option(help: "Silent connections of the scenario idle.")
  var idleConnections = 10_000

  @Option(
    help: ArgumentHelp(
      "The same seed makes the same ids and bodies, in the same order. (default: another one each time)"))
  var seed: UInt64?

  @Option(help: "How ids follow each other: random as Replicate's, or sequential, which spares the indexes.")
  var ids = Identifiers.Order.random

  @Flag(
    help: "Afterwards ask the jobs API for every acknowledged delivery, and for each job's state and count.")
  var verify = false

  @Flag(help: "One line of JSON for each measurement, and nothing else on standard output.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "The daemon to start. (default: replicate-webhookd beside this program)", valueName: "path"),
    completion: .file())
  var daemon: String?

  @Option(
    help: ArgumentHelp(
      "Its database, kept afterwards; for reads, filled unless it has the jobs. (default: a temporary one)",
      valueName: "file"), completion: .file())
  var database: String?

  @Option(help: ArgumentHelp("A setting of the daemon; may be repeated.", valueName: "NAME=value"))
  var setting: [String] = []

  @Option(help: ArgumentHelp("Start no daemon; send the deliveries there.", valueName: "url"))
  var url: String?

  @Option(help: ArgumentHelp("The jobs API of that receiver, for reads and --verify.", valueName: "url"))
  var api: String?

  @Option(
    help: ArgumentHelp(
      "File with that receiver's secret. (default: REPLICATE_WEBHOOK_SECRET)", valueName: "file"),
    completion: .file())
  var secret: String?

  @Option(help: ArgumentHelp("The process of that receiver, to know what it costs.", valueName: "pid"))
  var pid: Int32?

  /// Signatures are made before the clock starts, and hold for five minutes.
  private static let maxSeconds = 240
  private static let maxMemoryBytes = 4 << 30

  func validate() throws {
    func require(_ isTrue: Bool, _ advice: String) throws {
      guard isTrue else { throw ValidationError(advice) }
    }
    try require((1...10_000).contains(connections), "--connections: 1 to 10000")
    try require((1...Self.maxSeconds).contains(seconds), "--seconds: 1 to \(Self.maxSeconds)")
    try require((1...100_000_000).contains(jobs), "--jobs: 1 to 100000000")
    try require((1...20).contains(deliveriesPerJob), "--deliveries-per-job: 1 to 20")
    try require((1...1000).contains(repeats), "--repeats: 1 to 1000")
    try require((1...100_000).contains(idleConnections), "--idle-connections: 1 to 100000")
    for scenario in scenario.scenarios {
      let (count, size) = (deliveries ?? scenario.defaultDeliveries, bodyBytes ?? scenario.defaultBodyBytes)
      try require((1...10_000_000).contains(count), "--deliveries: 1 to 10000000")
      try require(
        (PredictionBody.minBytes...(8 << 20)).contains(size),
        "--body-bytes: \(PredictionBody.minBytes) to \(8 << 20)")
      try require(
        count * size <= Self.maxMemoryBytes,
        "\(scenario.rawValue): all deliveries are made in memory first, and these take more than 4 GiB; "
          + "send fewer, or smaller ones")
    }
    try require(
      url != nil || (api == nil && secret == nil && pid == nil), "--api, --secret and --pid belong to --url")
    try require(
      url == nil || (daemon == nil && database == nil && setting.isEmpty),
      "--daemon, --database and --setting are of a daemon that is started; --url starts none")
    let needsAPI = verify || scenario.scenarios.contains(where: \.fillsStore)
    try require(url == nil || api != nil || !needsAPI, "name the jobs API of the receiver with --api")
    try require(url == nil || !scenario.scenarios.contains(.start), "start: --url names one that has started")
    try require(setting.allSatisfy { $0.dropFirst().contains("=") }, "--setting: write NAME=value")
  }

  func recipe(for scenario: Scenario, seed: UInt64) -> Workload.Recipe {
    var recipe = Workload.Recipe(
      deliveries: deliveries ?? scenario.defaultDeliveries, bodyBytes: bodyBytes ?? scenario.defaultBodyBytes,
      seed: seed, order: ids)
    scenario.adjust(&recipe)
    return recipe
  }

  /// The secret of the receiver that `--url` names.
  func receiverSecret() throws -> Secret {
    let text: String
    if let secret {
      guard let content = SystemFile.text(of: secret) else {
        throw Failure("--secret: \(secret) cannot be read", .configuration)
      }
      text = content
    } else if let variable = getenv("REPLICATE_WEBHOOK_SECRET") {
      text = String(cString: variable)
    } else {
      throw Failure("set REPLICATE_WEBHOOK_SECRET to the receiver's secret, or name its file", .configuration)
    }
    do throws(SecretError) {
      return try Secret(String(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    } catch {
      throw Failure("the receiver's secret: \(error)", .configuration)
    }
  }
}
