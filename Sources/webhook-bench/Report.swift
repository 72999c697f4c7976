/// A measurement as text and as JSON.
struct Report {
  /// A figure that only one scenario reports.
  struct Note {
    let label: String
    let text: String
    /// The member of the JSON report.
    let key: String
    let value: JSONLine
  }

  let scenario: Scenario
  let title: String
  let seed: UInt64
  let bodyBytes: Int
  let measurement: Measurement
  var notes: [Note] = []
  var verification: Verification?

  /// Whether every response was expected and no delivery is missing.
  var isFaultless: Bool {
    !measurement.lanes.contains(where: \.isFaulty) && verification?.isFaultless != false
  }
}

// MARK: - For people

extension Report {
  var text: String {
    var rows: [(String, String)] = []
    for lane in measurement.lanes {
      let prefix = measurement.lanes.count > 1 ? lane.name + " " : ""
      rows += Self.rows(lane).map { (prefix + $0.0, $0.1) }
    }
    if let server = measurement.server { rows += serverRows(server) }
    rows.append(("client CPU", clientText))
    rows += notes.map { ($0.label, $0.text) }
    if let verification { rows.append(("verified", Self.text(verification))) }
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { label, text in
      "  \(label)\(String(repeating: " ", count: width - label.count + 2))\(text)"
    }
    return (["\(scenario.rawValue): \(title)"] + lines).joined(separator: "\n") + "\n"
  }

  private static func rows(_ lane: Measurement.LaneResult) -> [(String, String)] {
    var rows = [
      (
        "throughput",
        "\(Quantity.grouped(Int(lane.perSecond.rounded())))/s, \(Quantity.grouped(lane.answered)) "
          + "in \(Quantity.seconds(lane.seconds)) on \(Quantity.grouped(lane.connections)) connections"
      )
    ]
    if let latencies = lane.latencies {
      let parts = [
        ("p50", latencies.p50), ("p99", latencies.p99), ("p99.9", latencies.p999), ("max", latencies.max),
      ]
      rows.append(("time", parts.map { "\($0.0) \(Quantity.milliseconds($0.1))" }.joined(separator: ", ")))
    }
    rows.append(
      (
        "responses",
        lane.statuses.map { "\($0.status): \(Quantity.grouped($0.count))" }.joined(separator: ", ")
      )
    )
    let faults = [
      (lane.unexpected, "unexpected responses"), (lane.broken, "connections lost before the response"),
      (lane.unanswered, "in flight at the end"), (lane.unsent, "not sent before the time limit"),
      (lane.reconnects, "reconnects"),
    ].filter { $0.0 > 0 }
    for (count, meaning) in faults { rows.append(("", "\(Quantity.grouped(count)) \(meaning)")) }
    if let problem = lane.problem { rows.append(("", "a response could not be parsed: \(problem)")) }
    return rows
  }

  private func serverRows(_ server: Measurement.ServerCost) -> [(String, String)] {
    let count = Double(max(1, measurement.answered))
    let writes = Double(max(1, measurement.foregroundAnswered))
    let unit = scenario == .reads || scenario == .lists ? "request" : "delivery"
    var rows = [
      (
        "server CPU",
        "\(Quantity.seconds(server.cpuSeconds)), "
          + "\(Quantity.decimal(server.cpuSeconds / count * 1e6, 1)) µs per request"
      )
    ]
    if let instructions = server.instructions {
      let part = server.instructionsIncludeKernel ? "" : " in user space"
      rows.append(
        (
          "instructions",
          "\(Quantity.short(Double(instructions)))\(part), "
            + "\(Quantity.short(Double(instructions) / count)) per request"
        ))
    }
    if let written = server.writtenBytes {
      rows.append(
        (
          "written",
          "\(Quantity.bytes(Double(written))), \(Quantity.bytes(Double(written) / writes)) per \(unit)"
        ))
    }
    if let peak = server.peakMemory { rows.append(("peak memory", Quantity.bytes(Double(peak)))) }
    return rows
  }

  private var clientText: String {
    let share = Quantity.decimal(measurement.clientShare * 100, 0)
    let warning = measurement.clientShare > 0.9 ? ": the client is the bottleneck" : ""
    return "\(Quantity.seconds(measurement.clientCPUSeconds)), \(share) % of one core\(warning)"
  }

  private static func text(_ verification: Verification) -> String {
    let scope =
      "\(Quantity.grouped(verification.deliveries)) acknowledged deliveries of "
      + "\(Quantity.grouped(verification.jobs)) jobs"
    guard !verification.isFaultless else { return "\(scope): all found" }
    return "\(scope): \(verification.missing) missing, \(verification.wrongStates) wrong states, "
      + "\(verification.wrongCounts) wrong counts"
  }
}

// MARK: - For machines

extension Report {
  var json: String {
    JSONLine.object([
      ("scenario", .string(scenario.rawValue)), ("title", .string(title)), ("seed", .string(String(seed))),
      ("body_bytes", .integer(bodyBytes)),
      ("lanes", .object(measurement.lanes.map { ($0.name, Self.json($0)) })),
      ("server", measurement.server.map(json)),
      (
        "client",
        .object([
          ("cpu_seconds", .number(measurement.clientCPUSeconds)),
          ("core_share", .number(measurement.clientShare)),
        ])
      ),
      ("notes", notes.isEmpty ? nil : .object(notes.map { ($0.key, $0.value) })),
      ("verification", verification.map(Self.json)), ("faultless", .boolean(isFaultless)),
    ]).text
  }

  private static func json(_ lane: Measurement.LaneResult) -> JSONLine {
    let latencies = lane.latencies
    return .object([
      ("connections", .integer(lane.connections)), ("answers", .integer(lane.answered)),
      ("seconds", .number(lane.seconds)), ("per_second", .number(lane.perSecond)),
      ("p50_us", latencies.map { .integer($0.p50) }), ("p99_us", latencies.map { .integer($0.p99) }),
      ("p999_us", latencies.map { .integer($0.p999) }), ("max_us", latencies.map { .integer($0.max) }),
      ("statuses", .object(lane.statuses.map { (String($0.status), .integer($0.count)) })),
      ("unexpected", .integer(lane.unexpected)), ("broken", .integer(lane.broken)),
      ("unanswered", .integer(lane.unanswered)), ("unsent", .integer(lane.unsent)),
      ("reconnects", .integer(lane.reconnects)),
    ])
  }

  private func json(_ server: Measurement.ServerCost) -> JSONLine {
    let count = Double(max(1, measurement.answered))
    let writes = Double(max(1, measurement.foregroundAnswered))
    return .object([
      ("cpu_seconds", .number(server.cpuSeconds)),
      ("cpu_us_per_request", .number(server.cpuSeconds / count * 1e6)),
      ("instructions", server.instructions.map { .integer(Int(clamping: $0)) }),
      (
        "instructions_include_kernel",
        server.instructions.map { _ in .boolean(server.instructionsIncludeKernel) }
      ),
      ("written_bytes", server.writtenBytes.map { .integer($0) }),
      ("written_bytes_per_delivery", server.writtenBytes.map { .number(Double($0) / writes) }),
      ("peak_memory_bytes", server.peakMemory.map { .integer($0) }),
      ("resident_bytes", server.residentMemory.map { .integer($0) }),
    ])
  }

  private static func json(_ verification: Verification) -> JSONLine {
    .object([
      ("jobs", .integer(verification.jobs)), ("deliveries", .integer(verification.deliveries)),
      ("missing", .integer(verification.missing)), ("wrong_states", .integer(verification.wrongStates)),
      ("wrong_counts", .integer(verification.wrongCounts)),
    ])
  }
}
