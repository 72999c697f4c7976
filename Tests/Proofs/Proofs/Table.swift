/// The rows as a Markdown table, followed by their problems.
package enum Table {
  package static func text(_ rows: [Row]) -> String {
    var lines = [
      ["fault", "rounds", "acknowledged", "lost", "applied twice", "time to recover", "note"],
      ["---", "---:", "---:", "---:", "---:", "---", "---"],
    ]
    for row in rows {
      lines.append([
        row.fault, grouped(row.rounds), grouped(row.acknowledged), grouped(row.lost),
        grouped(row.appliedTwice), recovery(row.recoveries), row.isProven ? row.note : "**not survived**",
      ])
    }
    var text = lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    for row in rows where !row.problems.isEmpty {
      text += "\n\(row.fault):\n" + row.problems.prefix(20).map { "- \($0)\n" }.joined()
    }
    return text
  }

  /// The median, and the slowest if there are several.
  private static func recovery(_ milliseconds: [Double]) -> String {
    let sorted = milliseconds.sorted()
    guard let slowest = sorted.last else { return "–" }
    let median = duration(sorted[(sorted.count - 1) / 2])
    return sorted.count == 1 ? median : "\(median), at most \(duration(slowest))"
  }

  private static func duration(_ milliseconds: Double) -> String {
    milliseconds < 10_000 ? "\(Int(milliseconds.rounded())) ms" : "\(Int((milliseconds / 1000).rounded())) s"
  }

  private static func grouped(_ number: Int) -> String {
    let digits = String(number)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }
}
