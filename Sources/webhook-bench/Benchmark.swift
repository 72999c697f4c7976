import Glibc
import StandardWebhooks

/// Runs scenarios in sequence.
///
/// Each has its own receiver unless --url names one.
final class Benchmark {
  let options: BenchmarkOptions
  let seed: UInt64
  let progress: Progress?
  /// The filled store, shared by all scenarios that read.
  private var storeFolder: TemporaryFolder?
  var isFaultless = true

  private static let readConnections = 16

  init(_ options: BenchmarkOptions) {
    self.options = options
    // Few digits, so that it is easy to retype.
    seed = options.seed ?? UInt64.random(in: 1...999_999)
    progress = Progress("webhook-bench")
  }

  func run(_ scenario: Scenario) throws {
    switch scenario {
    case .fill: try fill()
    case .reads, .lists, .readsDuringWrites: try read(scenario)
    case .idle: try idle()
    case .start: try start()
    case .streams: try stream()
    case .callbacks: try sendCallbacks()
    default: try deliver(scenario)
    }
  }

  func show(_ report: Report) {
    progress?.clear()
    Output.line(options.json ? report.json : report.text)
    if !report.isFaultless { isFaultless = false }
  }

  func report(
    _ scenario: Scenario, _ measurement: Measurement, _ title: String, _ recipe: Workload.Recipe
  ) -> Report {
    Report(
      scenario: scenario, title: title, seed: seed, bodyBytes: recipe.bodyBytes, measurement: measurement)
  }
}

// MARK: - The receiver

extension Benchmark {
  /// The receiver of --url, or a new daemon with `settings`.
  ///
  /// The daemon stops when the value is released.
  func receiver(
    database: String, in folder: TemporaryFolder, settings: [String] = [], isTLS: Bool = false
  ) throws -> Receiver {
    if let url = options.url { return try Receiver(options, url: url) }
    let secret = Secret.generate()
    let daemon = try daemon(secret, database: database, in: folder, settings: settings)
    try daemon.readPorts()
    return try Receiver(daemon, secret: secret, isTLS: isTLS)
  }

  private func daemon(
    _ secret: Secret, database: String, in folder: TemporaryFolder, settings: [String]
  ) throws -> DaemonProcess {
    let path = try options.daemon ?? Self.neighbour("replicate-webhookd")
    // The user's settings come last and override.
    return try DaemonProcess(
      path, secret: secret, database: database, in: folder, environment: settings + options.setting)
  }

  func database(in folder: TemporaryFolder) -> String {
    options.database ?? "\(folder.path)/jobs.db"
  }

  func makeFolder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    if folder.isInMemory, options.url == nil, options.database == nil {
      Output.error(
        "webhook-bench: \(folder.path) is in memory, where a commit costs no disk write: set TMPDIR\n")
    }
    return folder
  }

  /// The path of a program in this program's folder.
  private static func neighbour(_ name: String) throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let own = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let slash = own.lastIndex(of: "/"), access("\(own[..<slash])/\(name)", X_OK) == 0 else {
      throw Failure(
        "\(name) is not in this program's folder: build it, or give its path with --daemon", .configuration)
    }
    return "\(own[..<slash])/\(name)"
  }

  func requireDescriptors(_ count: Int) throws {
    let limit = DescriptorLimit.raise()
    guard limit >= count + 64 else {
      throw Failure("\(count) connections need as many descriptors; ulimit -n allows \(limit)", .system)
    }
  }
}

// MARK: - Deliveries

extension Benchmark {
  private func deliver(_ scenario: Scenario) throws {
    try requireDescriptors(options.connections)
    let folder = try makeFolder()
    let isTLS = scenario == .tls
    var settings: [String] = []
    if isTLS, options.url == nil { settings = try Certificate(in: folder).settings }
    let receiver = try receiver(database: database(in: folder), in: folder, settings: settings, isTLS: isTLS)
    guard !isTLS || receiver.webhooks.isTLS else {
      throw Failure("tls: --url must begin with https://", .configuration)
    }
    let recipe = options.recipe(for: scenario, seed: seed)
    let (workload, lane) = try prepare(
      recipe, for: receiver, use: scenario == .newConnections ? .connectionPerRequest : .keepAlive)
    let measurement = try Measurement.run(
      [lane], on: receiver.process, seconds: options.seconds, progress: progress)
    var report = report(scenario, measurement, Self.title(workload, recipe), recipe)
    if options.verify {
      report.verification = try Verification(of: workload, lane, at: receiver, progress: progress)
    }
    show(report)
  }

  private func prepare(
    _ recipe: Workload.Recipe, for receiver: Receiver, use: Lane.Use = .keepAlive
  ) throws -> (Workload, Lane) {
    progress?.show("signing \(Quantity.grouped(recipe.deliveries)) deliveries")
    let workload = try Workload(recipe, to: receiver.webhooks, signedWith: receiver.secret)
    let deliveries = workload.deliveries
    let lane = Lane(
      "deliveries", to: receiver.webhooks, workload.requests, sends: workload.sends,
      connections: options.connections, use: use, rate: options.rate,
      expectsRejection: { !deliveries[$0].isSigned })
    lane.others = receiver.others
    return (workload, lane)
  }

  static func title(_ workload: Workload, _ recipe: Workload.Recipe) -> String {
    "\(Quantity.grouped(workload.sends.count)) deliveries of \(Quantity.grouped(workload.jobCount)) jobs, "
      + "bodies of \(recipe.deliveriesPerJob.upperBound > 1 ? "up to " : "")"
      + "\(Quantity.grouped(recipe.bodyBytes)) bytes, seed \(recipe.seed)"
  }
}

// MARK: - Idle connections

extension Benchmark {
  private func idle() throws {
    let count = options.idleConnections
    try requireDescriptors(count + options.connections)
    let folder = try makeFolder()
    let receiver = try receiver(
      database: database(in: folder), in: folder,
      settings: ["MAX_CONNECTIONS=\(count + options.connections + 64)", "IDLE_TIMEOUT=1h"])
    let before = receiver.process.flatMap { ResourceUsage(of: $0) }
    // One request turns each into a keep-alive connection, like those of a proxy.
    var requests = RequestArena()
    requests.append(head: "GET /healthz HTTP/1.1\r\nHost: \(receiver.webhooks.hostField)\r\n\r\n")
    let silent = Lane(
      "idle connections", to: receiver.webhooks, requests, sends: Array(repeating: 0, count: count),
      connections: count, use: .thenIdle)
    let silence = try LoadLoop([silent])
    try silence.run(seconds: Double(options.seconds), progress: progress)
    let after = receiver.process.flatMap { ResourceUsage(of: $0) }

    let recipe = options.recipe(for: .idle, seed: seed)
    let (workload, lane) = try prepare(recipe, for: receiver)
    let measurement = try Measurement.run(
      [lane], on: receiver.process, seconds: options.seconds, progress: progress)
    var report = report(.idle, measurement, Self.title(workload, recipe), recipe)
    let open = silence.idleConnections
    report.notes.append(
      Report.Note(
        label: "idle connections", text: "\(Quantity.grouped(open)) of \(Quantity.grouped(count)) still open",
        key: "idle_connections", value: .integer(open)))
    if let before = before?.residentMemory, let after = after?.residentMemory {
      let each = Double(after - before) / Double(count)
      report.notes.append(
        Report.Note(
          label: "their memory",
          text: "\(Quantity.bytes(Double(after - before))), \(Quantity.bytes(each)) each",
          key: "idle_bytes_per_connection", value: .number(each)))
      report.notes.append(
        Report.Note(
          label: "resident with them", text: Quantity.bytes(Double(after)), key: "idle_resident_bytes",
          value: .integer(after)))
    }
    if open < count { isFaultless = false }
    if options.verify {
      report.verification = try Verification(of: workload, lane, at: receiver, progress: progress)
    }
    show(report)
  }
}

// MARK: - Starts

extension Benchmark {
  private func start() throws {
    let folder = try makeFolder()
    let secret = Secret.generate()
    var startupTimes = StartupTimes()
    for number in 0..<options.repeats {
      progress?.show("start \(number + 1) of \(options.repeats)")
      var recipe = options.recipe(for: .start, seed: seed)
      (recipe.deliveries, recipe.firstJob, recipe.firstDelivery) = (1, number, number)
      // Each on a new file, unless --database names one.
      let file = options.database ?? "\(folder.path)/start-\(number).db"
      try startupTimes.measure(recipe, secret: secret) { settings in
        try daemon(secret, database: file, in: folder, settings: settings)
      }
    }
    progress?.clear()
    let title = "\(options.repeats) starts on \(options.database ?? "an empty file")"
    Output.line(options.json ? startupTimes.json(title) : startupTimes.text(title))
  }
}

// MARK: - Reads

extension Benchmark {
  private func storedJobs(_ recipe: Workload.Recipe) -> StoredJobs {
    StoredJobs(
      count: options.jobs, deliveriesPerJob: options.deliveriesPerJob, bodyBytes: recipe.bodyBytes,
      order: options.ids)
  }

  private func keptFolder() throws -> TemporaryFolder {
    let folder = try storeFolder ?? makeFolder()
    storeFolder = folder
    return folder
  }

  private func fill() throws {
    try requireDescriptors(StoredJobs.connections)
    let folder = try keptFolder()
    let receiver = try receiver(database: database(in: folder), in: folder)
    let stored = storedJobs(options.recipe(for: .fill, seed: seed))
    let seconds = try stored.fill(receiver, progress: progress) { step in
      progress?.clear()
      Output.line(options.json ? step.json : step.text)
    }
    if seconds == nil { Output.error("webhook-bench: the store already has these jobs\n") }
  }

  private func read(_ scenario: Scenario) throws {
    try requireDescriptors(options.connections + StoredJobs.connections)
    let folder = try keptFolder()
    let recipe = options.recipe(for: scenario, seed: seed)
    let stored = storedJobs(recipe)
    let filling = try fill(stored, in: folder)
    // A new daemon, so that memory and time of the filling are not measured.
    let receiver = try receiver(database: database(in: folder), in: folder)
    if scenario == .readsDuringWrites {
      try readDuringWrites(stored, recipe, receiver, filling)
    } else {
      try readAlone(scenario, stored, recipe, receiver, filling)
    }
  }

  private func fill(_ stored: StoredJobs, in folder: TemporaryFolder) throws -> [Report.Note] {
    let receiver = try receiver(
      database: database(in: folder), in: folder, settings: ["LOG_LEVEL=notice"])
    guard let seconds = try stored.fill(receiver, progress: progress) else { return [] }
    let rate = Quantity.grouped(Int(Double(stored.count) / seconds))
    return [
      Report.Note(
        label: "filled in", text: "\(Quantity.seconds(seconds)), \(rate) jobs/s",
        key: "filling_seconds", value: .number(seconds))
    ]
  }

  private func readAlone(
    _ scenario: Scenario, _ stored: StoredJobs, _ recipe: Workload.Recipe, _ receiver: Receiver,
    _ filling: [Report.Note]
  ) throws {
    let (count, isList) = (recipe.deliveries, scenario == .lists)
    let requests =
      isList
      ? try stored.listRequests(count, of: receiver, seed: seed)
      : try stored.jobRequests(count, of: receiver, seed: seed)
    let lane = Lane(
      isList ? "lists" : "jobs", to: try receiver.requireAPI(), requests, connections: options.connections)
    let measurement = try Measurement.run(
      [lane], on: receiver.process, seconds: options.seconds, progress: progress)
    let title =
      "\(Quantity.grouped(count)) × GET /jobs\(isList ? "?…&limit=50" : "/{id}"), "
      + "\(Quantity.grouped(stored.count)) jobs stored"
    var report = report(scenario, measurement, title, recipe)
    report.notes = filling
    show(report)
  }

  private func readDuringWrites(
    _ stored: StoredJobs, _ recipe: Workload.Recipe, _ receiver: Receiver, _ filling: [Report.Note]
  ) throws {
    let (workload, deliveries) = try prepare(recipe, for: receiver)
    let requests = try stored.jobRequests(recipe.deliveries, of: receiver, seed: seed)
    let reads = Lane(
      "jobs", to: try receiver.requireAPI(), requests, connections: Self.readConnections, isBackground: true)
    let measurement = try Measurement.run(
      [deliveries, reads], on: receiver.process, seconds: options.seconds, progress: progress)
    let title = Self.title(workload, recipe) + ", \(Quantity.grouped(stored.count)) jobs stored"
    var report = report(.readsDuringWrites, measurement, title, recipe)
    report.notes = filling
    if options.verify {
      report.verification = try Verification(of: workload, deliveries, at: receiver, progress: progress)
    }
    show(report)
  }
}
