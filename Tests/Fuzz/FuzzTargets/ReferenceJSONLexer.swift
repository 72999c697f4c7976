/// Splits a JSON text into tokens.
enum ReferenceJSONLexer {
  typealias Token = ReferenceJSON.Token

  /// Nil if some part is no token.
  static func tokens(of text: [UInt8]) -> [Token]? {
    var (tokens, rest): ([Token], ArraySlice<UInt8>) = ([], text[...])
    while let first = rest.first {
      let start = rest.startIndex
      let kind: Token.Kind?
      switch first {
      case 0x20, 0x09, 0x0A, 0x0D:
        rest.removeFirst()
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","),
        UInt8(ascii: ":"):
        rest.removeFirst()
        kind = .punctuation(first)
      case UInt8(ascii: "\""): kind = string(&rest).map(Token.Kind.string)
      case UInt8(ascii: "a")...UInt8(ascii: "z"): kind = literal(&rest)
      default: kind = number(&rest)
      }
      guard let kind else { return nil }
      tokens.append(Token(kind: kind, range: start..<rest.startIndex))
    }
    return tokens
  }

  private static func literal(_ rest: inout ArraySlice<UInt8>) -> Token.Kind? {
    guard let word = ["true", "false", "null"].first(where: { rest.starts(with: $0.utf8) }) else {
      return nil
    }
    rest = rest.dropFirst(word.utf8.count)
    return .literal(word)
  }

  /// A number: sign, digits, a point with digits, an exponent.
  ///
  /// Each part is taken off the front, and all must be valid.
  private static func number(_ rest: inout ArraySlice<UInt8>) -> Token.Kind? {
    func takeDigits() -> Int {
      let digits = rest.prefix { (48...57).contains($0) }
      rest = rest.dropFirst(digits.count)
      return digits.count
    }
    func take(_ characters: String) -> Bool {
      guard let first = rest.first, characters.utf8.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    _ = take("-")
    guard take("0") || takeDigits() > 0 else { return nil }
    if take("."), takeDigits() == 0 { return nil }
    if take("eE") {
      _ = take("+-")
      guard takeDigits() > 0 else { return nil }
    }
    return .number
  }

  /// Decodes a string by way of UTF-16, the encoding of JSON's escapes.
  private static func string(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    rest.removeFirst()
    var (plain, text): ([UInt8], [UInt8]) = ([], [])
    var units: [UInt16] = []
    // Consecutive escapes form one run of code units, which may include a surrogate pair.
    func flush() {
      text += units.isEmpty ? plain : Array(String(decoding: units, as: UTF16.self).utf8)
      units.removeAll(keepingCapacity: true)
      plain.removeAll(keepingCapacity: true)
    }
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        flush()
        return text
      case 0..<32:
        return nil
      case UInt8(ascii: "\\"):
        if !plain.isEmpty { flush() }
        guard let unit = escape(&rest) else { return nil }
        units.append(unit)
      default:
        if !units.isEmpty { flush() }
        plain.append(byte)
      }
    }
    return nil
  }

  private static let meanings = zip("\"\\/bfnrt".utf8, [34, 92, 47, 8, 12, 10, 13, 9] as [UInt16])
    .map { (letter: $0, unit: $1) }

  private static func escape(_ rest: inout ArraySlice<UInt8>) -> UInt16? {
    guard let kind = rest.popFirst() else { return nil }
    if kind == UInt8(ascii: "u") {
      let digits = rest.prefix(4)
      guard digits.count == 4, digits.allSatisfy({ ReferenceRequest.hexValue($0) != nil }) else { return nil }
      rest = rest.dropFirst(4)
      return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }
    return meanings.first { $0.letter == kind }?.unit
  }
}
