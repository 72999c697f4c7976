import ArgumentParser
import Glibc
import StandardWebhooks

/// The command's options.
struct BenchmarkOptions: ParsableArguments {
  @Option(help: "The scenario to measure; --list describes them.")
  var scenario = ScenarioChoice(.single)

  @Flag(help: "List the scenarios.")
  var list = false

  @Option(help: "Deliveries to send, or jobs to read. (default: 20000; fewer for large bodies)")
  var deliveries: Int?

  @Option(help: "Connections, each with one request in flight.")
  var connections = 64

  @Option(help: "Bytes per body. (default: 2500, or the scenario's)")
  var bodyBytes: Int?

  @Option(help: "Time limit of a measurement in seconds.")
  var seconds = 60

  @Option(help: "Jobs in the store before reads, and after fill.")
  var jobs = 1_000_000

  @Option(help: "Deliveries per stored job, the last one of --body-bytes.")
  var deliveriesPerJob = 1

  @Option(help: "Deliveries per job, at most 20; the jobs are interleaved. (default: the scenario's)")
  var life: Int?

  @Option(help: "Of 100 deliveries, how many repeat an earlier one. (default: the scenario's)")
  var duplicatePercent: Int?

  @Option(help: "Starts of the scenario start.")
  var repeats = 20

  @Option(help: "Idle connections of the scenario idle.")
  var idleConnections = 10_000

  @Option(help: "Event streams of one job each, of the scenario streams: at most 2000.")
  var streams = 2000

  @Option(help: "Event streams of all jobs, of the scenario streams.")
  var feeds = 5

  @Option(help: "How many callbacks a second their receiver takes; 0: none are sent.")
  var callbackRate = 200

  @Option(help: "Deliveries per second. (default: as many as are acknowledged)")
  var rate: Int?

  @Option(
    help: ArgumentHelp(
      "The same seed gives the same ids and bodies in the same order. (default: random)"))
  var seed: UInt64?

  @Option(help: "The order of ids: random, as Replicate's, or sequential, which is cheaper for the indexes.")
  var ids = Identifiers.Order.random

  @Flag(
    help:
      "Afterwards verify through the jobs API every acknowledged delivery, and each job's state and count.")
  var verify = false

  @Flag(help: "Print only one line of JSON per measurement on standard output.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "The daemon to start. (default: replicate-webhookd in this program's folder)", valueName: "path"),
    completion: .file())
  var daemon: String?

  @Option(
    help: ArgumentHelp(
      "Its database, kept afterwards; filled before reads if needed. (default: a temporary file)",
      valueName: "file"), completion: .file())
  var database: String?

  @Option(help: ArgumentHelp("A setting of the daemon; may be repeated.", valueName: "NAME=value"))
  var setting: [String] = []

  @Option(help: ArgumentHelp("Start no daemon; send the deliveries to this URL.", valueName: "url"))
  var url: String?

  @Option(
    help: ArgumentHelp(
      "Another receiver with the same store, which shares the connections; may be repeated.",
      valueName: "url"))
  var otherUrl: [String] = []

  @Option(help: ArgumentHelp("The jobs API of that receiver, for reads and --verify.", valueName: "url"))
  var api: String?

  @Option(
    help: ArgumentHelp(
      "File with that receiver's secret. (default: REPLICATE_WEBHOOK_SECRET)", valueName: "file"),
    completion: .file())
  var secret: String?

  @Option(
    help: ArgumentHelp("The process of that receiver, to measure its resource usage.", valueName: "pid"))
  var pid: Int32?

  /// The limit of --seconds, below the five minutes that signatures are valid.
  ///
  /// Signatures are made before the clock starts.
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
    try require(life.map { (1...20).contains($0) } ?? true, "--life: 1 to 20")
    try require(duplicatePercent.map { (0...90).contains($0) } ?? true, "--duplicate-percent: 0 to 90")
    try require((1...1000).contains(repeats), "--repeats: 1 to 1000")
    try require((1...100_000).contains(idleConnections), "--idle-connections: 1 to 100000")
    try require((0...2000).contains(streams), "--streams: 0 to 2000")
    try require((0...100).contains(feeds), "--feeds: 0 to 100")
    try require((0...100_000).contains(callbackRate), "--callback-rate: 0 to 100000")
    try require(rate.map { (1...1_000_000).contains($0) } ?? true, "--rate: 1 to 1000000")
    try require(
      rate == nil || !scenario.scenarios.contains(.newConnections),
      "new-connections: their time includes connecting, and would include the wait for --rate")
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
      url != nil || (api == nil && secret == nil && pid == nil && otherUrl.isEmpty),
      "--api, --secret, --pid and --other-url belong to --url")
    try require(
      url == nil || (daemon == nil && database == nil && setting.isEmpty),
      "--daemon, --database and --setting apply to a daemon that is started; --url starts none")
    let needsAPI = verify || scenario.scenarios.contains { $0.fillsStore || $0 == .streams }
    try require(url == nil || api != nil || !needsAPI, "give the URL of the receiver's jobs API with --api")
    try require(
      url == nil || !scenario.scenarios.contains { $0 == .start || $0 == .callbacks },
      "start, callbacks: --url names a receiver that is already running")
    try require(setting.allSatisfy { $0.dropFirst().contains("=") }, "--setting: write NAME=value")
  }

  func recipe(for scenario: Scenario, seed: UInt64) -> Workload.Recipe {
    var recipe = Workload.Recipe(
      deliveries: deliveries ?? scenario.defaultDeliveries, bodyBytes: bodyBytes ?? scenario.defaultBodyBytes,
      seed: seed, order: ids)
    scenario.adjust(&recipe)
    if let life { recipe.deliveriesPerJob = life...life }
    if let duplicatePercent { recipe.duplicatePercent = duplicatePercent }
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
      throw Failure(
        "set REPLICATE_WEBHOOK_SECRET to the receiver's secret, or give its file with --secret",
        .configuration)
    }
    do throws(SecretError) {
      return try Secret(String(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    } catch {
      throw Failure("the receiver's secret: \(error)", .configuration)
    }
  }
}
