internal import Bytes

extension JSONValue {
  /// The decoded text of a string; nil for any other kind.
  package func text(in body: Span<UInt8>) -> String? {
    kind == .string ? JSONString.decode(contents, of: body) : nil
  }

  /// Whether this is the string `text`, byte for byte.
  package func equals(_ text: String, in body: Span<UInt8>) -> Bool {
    kind == .string && JSONString.means(contents, text, in: body)
  }

  /// The decoded prefix of a string: at most `limit` bytes of its raw text.
  package func prefix(_ limit: Int, in body: Span<UInt8>) -> String? {
    kind == .string ? JSONString.decode(contents.prefix(limit), of: body) : nil
  }

  /// A number that is written as nothing but digits, at most nine of them.
  package func wholeNumber(in body: Span<UInt8>) -> Int? {
    guard kind == .number, range.count <= 9 else { return nil }
    var number = 0
    for index in range {
      guard let digit = body[index].decimalDigit else { return nil }
      number = number * 10 + digit
    }
    return number
  }

  /// The exact bytes.
  package func bytes(in body: Span<UInt8>) -> [UInt8] {
    body.extracting(range).withUnsafeBufferPointer { Array($0) }
  }
}

extension String {
  /// At most `limit` bytes, without half a character at the end.
  package func cut(to limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(startIndex, offsetBy: limit)
    while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }

  /// For a message on one line: at most `limit` bytes, every run of controls and spaces as one space.
  package func cutToLine(of limit: Int) -> String {
    // A long text is cut first, so that the work is bounded too.
    cut(to: limit).split { character in
      character.isWhitespace
        || character.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }.joined(separator: " ")
  }
}
