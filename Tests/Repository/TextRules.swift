/// The words of an identifier or a text, in lower case.
///
/// Identifiers are split at capitals and underscores: `readURLs_again` has the words read, urls, again.
enum Words {
  /// The SQL columns that keep their names, which earlier versions wrote.
  static let columns: Set<String> = ["heard_at", "ended_unheard"]

  static func split(_ text: some StringProtocol) -> [String] {
    var words: [String] = []
    for identifier in text.utf8.split(whereSeparator: { !isLetter($0) && $0 != UInt8(ascii: "_") }) {
      if identifier.count > 7, columns.contains(String(decoding: identifier, as: UTF8.self)) { continue }
      var word: [UInt8] = []
      for byte in identifier {
        let isCapital = byte & 0x20 == 0
        if byte == UInt8(ascii: "_") || isCapital && word.last.map({ $0 & 0x20 != 0 }) ?? false {
          words.append(String(decoding: word.map { $0 | 0x20 }, as: UTF8.self))
          word = []
        }
        if byte != UInt8(ascii: "_") { word.append(byte) }
      }
      words.append(String(decoding: word.map { $0 | 0x20 }, as: UTF8.self))
    }
    return words.filter { !$0.isEmpty }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
  }
}

/// Names that are clauses, such as `whatIsLeft` or `ThatWhichWaits`.
enum ClauseNames {
  private static let keywords: Set<Substring> = [
    "func", "struct", "class", "enum", "protocol", "actor", "typealias",
  ]
  private static let firstWords: Set<String> = ["what", "who", "whoever", "whomever", "that", "beside"]

  /// The clauses among the names that `text` declares.
  static func violations(in text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      guard let name = declaredName(in: line) else { return nil }
      return Words.split(name).first.map(firstWords.contains) == true ? String(name) : nil
    }
  }

  private static func declaredName(in line: Substring) -> Substring? {
    let parts = line.split(separator: " ", maxSplits: 8)
    guard let keyword = parts.firstIndex(where: keywords.contains), keyword + 1 < parts.count,
      !parts[0].hasPrefix("//"), !parts[..<keyword].contains(where: { $0.contains("\"") })
    else { return nil }
    let rest = line[parts[keyword + 1].startIndex...]
    guard rest.first == "`" else { return rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" } }
    return rest.dropFirst().prefix { $0 != "`" }
  }
}

/// Lines that are wider than the code is formatted to.
enum LineWidth {
  static let maxColumns = 110

  /// The numbers of the lines that are too long.
  static func violations(in file: RepositoryFile) -> [Int] {
    let isMarkdown = file.kind == "md"
    var isCode = false
    return file.lines.enumerated().compactMap { index, line in
      if isMarkdown, line.hasPrefix("```") { isCode.toggle() }
      let isExempt =
        isMarkdown && (isCode || line.hasPrefix("|") || line.contains("](") || line.contains("://"))
      return line.utf8.count > maxColumns && line.count > maxColumns && !isExempt ? index + 1 : nil
    }
  }
}

/// Words of this repository's past, for which the field has its own.
enum HomeMadeWords {
  /// The allowed number, because some of them have a plain meaning too.
  static let maxCount = 39

  /// Beginnings and their endings, so that the list itself has none of the words.
  private static let endings: [String: String] = [
    "absor": "b bed bs", "ane": "w", "as": "k ked king ks", "befal": "l", "breac": "h hes",
    "displac": "e eable ed es ing", "haste": "n ned ns", "hea": "r rd ring rs", "inquirie": "s",
    "inquir": "y", "lia": "r rs", "misha": "p ps", "new": "s", "onlooke": "r rs", "ow": "e ed es ing",
    "patienc": "e", "rehears": "al e ed es", "stor": "m ms", "strange": "r rs", "tall": "y",
    "tel": "l ling ls", "tiding": "s", "tol": "d", "unhear": "d", "unsai": "d", "whoeve": "r", "whomeve": "r",
    "wis": "h hed hes", "worthwhil": "e",
  ]
  private static let words = Set(
    endings.flatMap { beginning, endings in endings.split(separator: " ").map { beginning + $0 } })
  private static let pairs: [String: Set<String>] = [
    "after": ["look", "looked", "looking", "looks"], "away": ["turn", "turned", "turning", "turns"],
    "way": ["gave", "give", "gives", "giving"],
  ]

  static func found(in text: some StringProtocol) -> [String] {
    var previous = ""
    return Words.split(text).compactMap { word in
      defer { previous = word }
      return words.contains(word) || pairs[word]?.contains(previous) == true ? word : nil
    }
  }
}
