/// One line of the table: a fault and its results.
package struct Row: Codable, Sendable {
  package let fault: String
  package var rounds = 0
  package var acknowledged = 0
  package var lost = 0
  package var appliedTwice = 0
  /// Milliseconds from the end of each fault to the first 2xx. Empty if the service never stopped.
  package var recoveries: [Double] = []
  /// Anything else that is wrong.
  package var problems: [String] = []
  /// Facts beside the numbers.
  package var note = ""

  package init(_ fault: String) {
    self.fault = fault
  }

  package var isProven: Bool { rounds > 0 && lost == 0 && appliedTwice == 0 && problems.isEmpty }
}

extension Row {
  /// Sums JSON lines written by tests into one row per fault.
  ///
  /// A line has `fault`, `acknowledged`, `lost` and `appliedTwice`, of one round or of `rounds`.
  package static func sums(of lines: String) throws -> [Row] {
    struct Line: Decodable {
      let fault: String
      let rounds: Int?
      let acknowledged: Int
      let lost: Int
      let appliedTwice: Int
    }
    var rows: [Row] = []
    for text in lines.split(separator: "\n") {
      let line = try Line.decode(Array(text.utf8))
      if !rows.contains(where: { $0.fault == line.fault }) { rows.append(Row(line.fault)) }
      guard let index = rows.firstIndex(where: { $0.fault == line.fault }) else { continue }
      rows[index].rounds += line.rounds ?? 1
      rows[index].acknowledged += line.acknowledged
      rows[index].lost += line.lost
      rows[index].appliedTwice += line.appliedTwice
    }
    return rows.sorted { $0.fault < $1.fault }
  }
}
