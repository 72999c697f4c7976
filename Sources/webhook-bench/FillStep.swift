/// One batch of a growing store, and its cost to the receiver.
struct FillStep {
  /// Jobs in the store after this batch.
  let jobs: Int
  let deliveries: Int
  let measurement: Measurement

  private var rate: Double { measurement.lanes.first?.perSecond ?? 0 }
  private var answered: Double { Double(max(1, measurement.answered)) }

  var text: String {
    var parts = [
      "\(Quantity.grouped(jobs)) jobs, \(Quantity.grouped(deliveries)) deliveries",
      "\(Quantity.grouped(Int(rate.rounded())))/s",
    ]
    if let server = measurement.server {
      parts.append("\(Quantity.decimal(server.cpuSeconds / answered * 1e6, 1)) µs CPU per delivery")
      if let written = server.writtenBytes {
        parts.append("\(Quantity.bytes(Double(written) / answered)) written")
      }
      if let memory = server.residentMemory { parts.append("\(Quantity.bytes(Double(memory))) resident") }
    }
    return "fill: " + parts.joined(separator: ", ")
  }

  var json: String {
    let server = measurement.server
    return JSONLine.object([
      ("scenario", .string(Scenario.fill.rawValue)), ("jobs", .integer(jobs)),
      ("deliveries", .integer(deliveries)), ("per_second", .number(rate)),
      ("cpu_us_per_request", server.map { .number($0.cpuSeconds / answered * 1e6) }),
      ("written_bytes_per_delivery", server?.writtenBytes.map { .number(Double($0) / answered) }),
      ("resident_bytes", server?.residentMemory.map { .integer($0) }), ("faultless", .boolean(true)),
    ]).text
  }
}
