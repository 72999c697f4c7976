/// All verdicts of one server.
package struct ServerResult: Sendable {
  package let name: String
  package let verdicts: [String: Verdict]
  /// The exchanged bytes, by case.
  package let exchanges: [String: (sent: [UInt8], received: [UInt8])]

  /// Runs all `cases` on `threads` threads.
  package init(
    name: String, site: Site, cases: [ConformanceCase], timeout: Duration, threads: Int
  ) {
    let runner = Runner(site: site, timeout: timeout)
    let exchanges = Workers.map(cases.compactMap(runner.prepare), threads: threads) { item in
      (item, runner.run(item))
    }
    var verdicts: [String: Verdict] = [:]
    var texts: [String: (sent: [UInt8], received: [UInt8])] = [:]
    for (prepared, exchange) in exchanges {
      verdicts[prepared.item.id] = exchange.verdict
      texts[prepared.item.id] = (prepared.texts.first ?? [], exchange.received)
    }
    self.name = name
    self.verdicts = verdicts
    self.exchanges = texts
  }

  func count(_ kind: Verdict.Kind, in group: CaseGroup? = nil) -> Int {
    verdicts.values.count {
      $0.kind == kind && (group == nil || $0.id.hasPrefix("\(group?.rawValue ?? "")/"))
    }
  }

  func total(in group: CaseGroup) -> Int {
    verdicts.keys.count { $0.hasPrefix("\(group.rawValue)/") }
  }

  package var passes: Bool { verdicts.values.allSatisfy(\.passes) }
}

/// Markdown tables of the results.
package enum Report {
  /// A table with a row per group and a column per server.
  ///
  /// Each cell shows how many cases conform out of how many, and then the other verdicts.
  package static func summary(_ results: [ServerResult]) -> String {
    var lines = [
      row(["group"] + results.map(\.name)), row(Array(repeating: "---", count: results.count + 1)),
    ]
    for group in CaseGroup.allCases where results.contains(where: { $0.total(in: group) > 0 }) {
      let cells = results.map { result in
        result.total(in: group) == 0
          ? "–"
          : "\(result.count(.conforms, in: group))/\(result.total(in: group))" + remainder(result, group)
      }
      lines.append(row([group.rawValue] + cells))
    }
    let totals = results.map { "**\($0.count(.conforms))/\($0.verdicts.count)**" }
    lines.append(row(["**all**"] + totals))
    for kind in Verdict.Kind.allCases where kind != .conforms {
      lines.append(row([kind.rawValue] + results.map { "\($0.count(kind))" }))
    }
    for fault in Fault.allCases {
      let counts = results.map { result in result.verdicts.values.count { $0.faults.contains(fault) } }
      if counts.contains(where: { $0 > 0 }) { lines.append(row([fault.rawValue] + counts.map(String.init))) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Such as ` 2L 1S 1F 3V`: lenient, stricter, fragile, violations.
  private static func remainder(_ result: ServerResult, _ group: CaseGroup) -> String {
    let marks: [(Verdict.Kind, String)] = [
      (.lenient, "L"), (.stricter, "S"), (.fragile, "F"), (.violation, "V"),
    ]
    return marks.map { kind, mark in
      let count = result.count(kind, in: group)
      return count == 0 ? "" : " \(count)\(mark)"
    }.joined()
  }

  /// The cases in which the servers differ, in the order of `cases`.
  package static func differences(_ results: [ServerResult], cases: [ConformanceCase]) -> String {
    var lines = [
      row(["case", "section"] + results.map(\.name)), row(Array(repeating: "---", count: results.count + 2)),
    ]
    for item in cases {
      let verdicts = results.map { $0.verdicts[item.id] }
      let given = verdicts.compactMap { $0 }
      guard given.count > 1, Set(given.map { "\($0.kind) \($0.outcome)" }).count > 1 else { continue }
      lines.append(row([item.id, item.section] + verdicts.map { $0.map(cell) ?? "–" }))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func cell(_ verdict: Verdict) -> String {
    verdict.kind == .conforms ? "\(verdict.outcome)" : "**\(verdict.kind.rawValue)**: \(verdict.outcome)"
  }

  /// The cases of one server with the verdict `kind`, one line each.
  package static func list(_ kind: Verdict.Kind, of result: ServerResult, cases: [ConformanceCase])
    -> [String]
  {
    cases.compactMap { item in
      guard let verdict = result.verdicts[item.id], verdict.kind == kind else { return nil }
      return "\(item.id) (\(item.section)): \(verdict.outcome)"
    }
  }

  /// Every failed case, with the exchanged bytes.
  package static func failures(of result: ServerResult, cases: [ConformanceCase]) -> String {
    var text = ""
    for item in cases {
      guard let verdict = result.verdicts[item.id], !verdict.passes else { continue }
      text += "\(verdict.kind.rawValue) \(item.id) (\(item.section)): \(verdict.outcome)\n"
      if !verdict.faults.isEmpty {
        text += "  form  \(verdict.faults.map(\.rawValue).joined(separator: "; "))\n"
      }
      guard let exchange = result.exchanges[item.id] else { continue }
      text +=
        "  sent  \(escaped(exchange.sent, limit: 300))\n  came  \(escaped(exchange.received, limit: 300))\n"
    }
    return text
  }

  /// The bytes as one line of text; long text loses its middle.
  package static func escaped(_ bytes: [UInt8], limit: Int) -> String {
    guard bytes.count <= limit else {
      let half = limit / 2
      let (start, end) = (Array(bytes.prefix(half)), Array(bytes.suffix(half)))
      return "\(escaped(start, limit: half)) … \(bytes.count - 2 * half) bytes … \(escaped(end, limit: half))"
    }
    return bytes.map { byte in
      switch byte {
      case UInt8(ascii: "\r"): "\\r"
      case UInt8(ascii: "\n"): "\\n"
      case UInt8(ascii: "\t"): "\\t"
      case UInt8(ascii: "\\"): "\\\\"
      case 0x20...0x7E: String(Unicode.Scalar(byte))
      default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
  }
}
