import Glibc

/// The scenario `streams`: readers of event streams beside deliveries.
extension Benchmark {
  /// Jobs of which each may have a stream.
  private static let maxJobs = 2000
  /// Streams from one address, which a bound on addresses must allow.
  private static let streamsPerAddress = 40
  /// Until the last event has arrived after the last acknowledgement.
  private static let maxDrainSeconds = 15.0

  func stream() throws {
    let recipe = streamRecipe
    let count = min(options.streams, recipe.jobs)
    try requireDescriptors(options.connections + count + options.feeds)
    let folder = try makeFolder()
    let streams = count + options.feeds
    let receiver = try receiver(
      database: database(in: folder), in: folder,
      settings: [
        "MAX_CONNECTIONS=\(2 * streams + options.connections + 64)", "MAX_STREAMS=\(streams + 16)",
        "BROWSER_ORIGINS=https://app.example.com",
      ])
    progress?.show("signing \(Quantity.grouped(recipe.deliveries)) deliveries")
    let workload = try Workload(recipe, to: receiver.webhooks, signedWith: receiver.secret)
    try createJobs(workload, at: receiver)

    let sends = Self.sends(of: workload, areFirst: false)
    let lane = Lane(
      "deliveries", to: receiver.webhooks, workload.requests, sends: sends, connections: options.connections,
      rate: options.rate, keepsSendTimes: true)
    let numbers = Dictionary(uniqueKeysWithValues: sends.enumerated().map { (Int($1), $0) })
    let times = EventTimes(of: workload, feeds: options.feeds) { delivery in
      numbers[delivery].map { lane.sentAt[$0] } ?? 0
    }
    let (targets, tokens) = try streamTargets(workload, count, at: receiver)
    let clients = StreamClients(targets) { client, event in
      guard client >= count else { return times.note(event, ofJob: client) }
      times.note(event, ofFeed: client - count)
      return false
    }
    try warmUp(workload, count, tokens, at: receiver)
    let loop = try LoadLoop([lane], with: clients)
    try loop.openKeepAliveConnections()
    loop.attachGuest()
    let before = receiver.process.flatMap { ResourceUsage(of: $0) }
    try loop.wait(seconds: Double(options.seconds)) { clients.hasAllStarted || clients.hasFailed }
    let open = receiver.process.flatMap { ResourceUsage(of: $0) }
    try Self.requireOpen(clients)

    let measurement = try Measurement.run(
      loop, [lane], on: receiver.process, seconds: options.seconds, progress: progress)
    try loop.wait(seconds: Self.maxDrainSeconds) {
      clients.hasFailed || clients.hasAllEnded && times.feedsHaveAllEnds
    }
    var report = report(.streams, measurement, Self.title(workload, recipe), recipe)
    report.notes = notes(clients, times, count: count, tokens: tokens.count)
    if count > 0, let before = before?.residentMemory, let open = open?.residentMemory {
      let each = Double(open - before) / Double(streams)
      report.notes.append(
        Report.Note(
          label: "their memory", text: "\(Quantity.bytes(each)) each", key: "bytes_per_stream",
          value: .number(each)))
    }
    if clients.hasFailed || !clients.hasAllEnded || !times.feedsHaveAllEnds
      || times.wrongStates(amongFirst: count) + times.foreign > 0
    {
      isFaultless = false
    }
    show(report)
  }

  private var streamRecipe: Workload.Recipe {
    var recipe = options.recipe(for: .streams, seed: seed)
    recipe.jobs = max(1, min(Self.maxJobs, recipe.deliveries / 2))
    let each = max(2, recipe.deliveries / recipe.jobs)
    recipe.deliveries = recipe.jobs * each
    recipe.deliveriesPerJob = each...each
    recipe.maxOpenJobs = recipe.jobs
    recipe.seedsAreDeliveries = true
    // With all members from the first one on, so that each has longer logs than the last.
    recipe.smallestBodyBytes = min(PredictionBody.minCompleteBytes, recipe.bodyBytes)
    return recipe
  }

  /// The first delivery of each job, or all others.
  private static func sends(of workload: Workload, areFirst: Bool) -> [UInt32] {
    var known: Set<Int> = []
    return workload.sends.filter {
      known.insert(workload.deliveries[Int($0)].job).inserted == areFirst
    }
  }

  /// Sends the first delivery of each job, so that it can be watched.
  private func createJobs(_ workload: Workload, at receiver: Receiver) throws {
    let lane = Lane(
      "first deliveries", to: receiver.webhooks, workload.requests,
      sends: Self.sends(of: workload, areFirst: true), connections: options.connections)
    try LoadLoop([lane]).run(seconds: Double(options.seconds), progress: progress)
    guard lane.answered == workload.jobCount, lane.unexpected == 0 else {
      throw Failure("\(workload.jobCount - lane.answered) jobs could not be created", .unavailable)
    }
  }

  private static func requireOpen(_ clients: StreamClients) throws {
    if let refusal = clients.refusal { throw Failure("a stream was answered \(refusal)", .unavailable) }
    if let problem = clients.problem {
      throw Failure("a stream could not be parsed: \(problem)", .unavailable)
    }
    guard clients.hasAllStarted else {
      throw Failure("\(clients.count - clients.started) streams showed no state", .unavailable)
    }
  }
}

// MARK: - Targets

extension Benchmark {
  /// The streams of the first `count` jobs, and then those of `/events`.
  ///
  /// Every second one uses the webhooks listener with a token of its job, where the receiver has such tokens.
  private func streamTargets(
    _ workload: Workload, _ count: Int, at receiver: Receiver
  ) throws -> (targets: [StreamClients.Target], tokens: [Int: String]) {
    let tokens = count > 1 ? try jobTokens(workload, count, at: receiver) : [:]
    let api = try receiver.requireAPI()
    var targets: [StreamClients.Target] = []
    for job in 0..<count {
      let path = "/jobs/\(workload.jobID(job))/events"
      let request: String
      if let token = tokens[job] {
        request =
          "GET \(path) HTTP/1.1\r\nHost: \(receiver.webhooks.hostField)\r\n"
          + "Authorization: Bearer \(token)\r\n"
      } else {
        request = try receiver.apiRequestHead("GET", path)
      }
      targets.append(
        StreamClients.Target(
          endpoint: tokens[job] == nil ? api : receiver.webhooks,
          request: request + "Accept: text/event-stream\r\n", source: Self.source(of: job, to: api),
          ends: true))
    }
    for feed in 0..<options.feeds {
      targets.append(
        StreamClients.Target(
          endpoint: api,
          request: try receiver.apiRequestHead("GET", "/events") + "Accept: text/event-stream\r\n",
          source: Self.source(of: count + feed, to: api), ends: false))
    }
    return (targets, tokens)
  }

  /// Tokens of every second job; none where the receiver has no such route.
  private func jobTokens(_ workload: Workload, _ count: Int, at receiver: Receiver) throws -> [Int: String] {
    let jobs = Array(stride(from: 1, to: count, by: 2))
    var requests = RequestArena()
    let body = Array(#"{"ttl":"1h"}"#.utf8)
    for job in jobs {
      let head = try receiver.apiRequestHead("POST", "/jobs/\(workload.jobID(job))/tokens")
      requests.append(
        head: head + "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n", body: body)
    }
    var tokens: [Int: String] = [:]
    let observer: Lane.Observer = { send, answer in
      if (200..<300).contains(answer.status),
        let token = ResponseText.text(after: #""token":""#, in: answer.body)
      {
        tokens[jobs[send]] = token
      }
    }
    let lane = Lane("tokens", to: try receiver.requireAPI(), requests, connections: 8, observer: observer)
    try LoadLoop([lane]).run(seconds: Double(options.seconds), progress: progress)
    return tokens
  }

  /// Reads each job where it is going to be streamed, so that the store's caches do not count as streams.
  private func warmUp(
    _ workload: Workload, _ count: Int, _ tokens: [Int: String], at receiver: Receiver
  ) throws {
    var (own, shared) = (RequestArena(), RequestArena())
    for job in 0..<count {
      let path = "/jobs/\(workload.jobID(job))"
      if let token = tokens[job] {
        shared.append(
          head: "GET \(path) HTTP/1.1\r\nHost: \(receiver.webhooks.hostField)\r\n"
            + "Authorization: Bearer \(token)\r\n\r\n")
      } else {
        own.append(head: try receiver.apiRequest(path))
      }
    }
    for (requests, endpoint) in [(own, try receiver.requireAPI()), (shared, receiver.webhooks)]
    where requests.count > 0 {
      let lane = Lane("reads", to: endpoint, requests, connections: 8)
      try LoadLoop([lane]).run(seconds: Double(options.seconds), progress: progress)
    }
  }

  /// A loopback address of its own for every few streams.
  private static func source(of stream: Int, to endpoint: Endpoint) -> UInt32? {
    guard endpoint.host.hasPrefix("127.") else { return nil }
    let number = UInt32(stream / streamsPerAddress)
    return 127 << 24 | 1 << 16 | (number / 250) << 8 | (number % 250 + 1)
  }
}

// MARK: - Results

extension Benchmark {
  private func notes(
    _ clients: StreamClients, _ times: EventTimes, count: Int, tokens: Int
  ) -> [Report.Note] {
    func note(_ label: String, _ text: String, _ key: String, _ value: JSONLine) -> Report.Note {
      Report.Note(label: label, text: text, key: key, value: value)
    }
    guard clients.count > 0 else { return [] }
    let missing = clients.count - options.feeds - clients.ended + times.endsMissingInFeeds
    let wrong = times.wrongStates(amongFirst: count) + times.foreign
    var notes = [
      note(
        "streams",
        "\(Quantity.grouped(count)) of jobs, \(Quantity.grouped(tokens)) of them by token, "
          + "\(options.feeds) of all",
        "streams", .integer(clients.count)),
      note(
        "events", "\(Quantity.grouped(clients.events)), \(Quantity.bytes(Double(clients.bytes)))", "events",
        .integer(clients.events)),
      note("reconnects", "\(clients.reconnects)", "stream_reconnects", .integer(clients.reconnects)),
      note("ends not shown", "\(missing)", "ends_missing", .integer(missing)),
      note("wrong states", "\(wrong)", "wrong_states", .integer(wrong)),
    ]
    for (label, key, summary) in [
      ("event time", "event", times.latencies.summary()),
      ("time in /events", "feed", times.feedLatencies.summary()),
    ] {
      guard let summary else { continue }
      let text = "p50 \(Quantity.milliseconds(summary.p50)), p99 \(Quantity.milliseconds(summary.p99))"
      notes.append(note(label, text, "\(key)_p99_us", .integer(summary.p99)))
    }
    return notes
  }
}
