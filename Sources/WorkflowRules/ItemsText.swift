internal import Time

/// The items of a step as the text of one column: `s/1.0,2.1/1764547200000/;f/2.0//out_of_memory`.
///
/// Some 25 bytes an item. A row for each would cost a transaction a hundred reads to find the next one.
extension StepRun {
  package static func text(of items: [ItemRun]) -> String {
    items.map { item in
      let tries = item.tries.map { "\($0.attempt).\($0.fallback)" }.joined(separator: ",")
      let endedAt = item.endedAt.map { String($0.milliseconds) } ?? ""
      return "\(item.state.rawValue)/\(tries)/\(endedAt)/\(item.code ?? "")"
    }.joined(separator: ";")
  }

  /// Nil for a text of another form.
  package static func items(of text: String) -> [ItemRun]? {
    guard !text.isEmpty else { return [] }
    var items: [ItemRun] = []
    for part in text.split(separator: ";", omittingEmptySubsequences: false) {
      let fields = part.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 4, let state = ItemRun.State(rawValue: String(fields[0])),
        let tries = tries(of: fields[1])
      else { return nil }
      let endedAt = Int64(fields[2])
      guard endedAt != nil || fields[2].isEmpty else { return nil }
      items.append(
        ItemRun(
          state: state, tries: tries, endedAt: endedAt.map(Timestamp.init(milliseconds:)),
          code: fields[3].isEmpty ? nil : String(fields[3])))
    }
    return items
  }

  private static func tries(of text: Substring) -> [ItemRun.Try]? {
    var tries: [ItemRun.Try] = []
    for part in text.split(separator: ",") {
      let numbers = part.split(separator: ".").map { Int($0) }
      guard numbers.count == 2, let attempt = numbers[0], let fallback = numbers[1] else { return nil }
      tries.append(ItemRun.Try(attempt: attempt, fallback: fallback))
    }
    return tries
  }
}
