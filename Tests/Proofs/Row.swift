/// One line of the table: what was done to the daemon, how often, and what became of what it had acknowledged.
package struct Row: Codable, Sendable {
  package let fault: String
  package var rounds = 0
  package var acknowledged = 0
  package var lost = 0
  package var appliedTwice = 0
  /// Milliseconds from the end of each fault to the first 2xx; empty where the service never stopped.
  package var recoveries: [Double] = []
  /// What else is wrong.
  package var problems: [String] = []
  /// What the numbers do not say.
  package var note = ""

  package init(_ fault: String) {
    self.fault = fault
  }

  package var isProven: Bool { rounds > 0 && lost == 0 && appliedTwice == 0 && problems.isEmpty }
}

extension Row {
  /// One row a fault, from lines of JSON that tests have written, each of one round or of `rounds`: `fault`, `acknowledged`,
  /// `lost` and `appliedTwice`.
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
