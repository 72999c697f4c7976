/// Finds text in jobs API responses, whose JSON has no white space.
enum ResponseText {
  static func contains(_ text: String, in body: [UInt8]) -> Bool {
    end(of: text, in: body) != nil
  }

  /// The text from `mark` to the next quotation mark; nil if absent.
  static func text(after mark: String, in body: [UInt8]) -> String? {
    end(of: mark, in: body).map {
      String(decoding: body[$0...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }
  }

  /// The sum of the numbers in `"counts":{"applied":1,…}`; nil if absent.
  static func sumOfCounts(in body: [UInt8]) -> Int? {
    guard let start = end(of: #""counts":{"#, in: body) else { return nil }
    let counts = String(decoding: body[start...].prefix { $0 != UInt8(ascii: "}") }, as: UTF8.self)
    return counts.split(separator: ",").reduce(0) { sum, member in
      sum + (member.split(separator: ":").last.flatMap { Int($0) } ?? 0)
    }
  }

  /// The end of the first occurrence of `text`.
  static func end(of text: String, in body: [UInt8]) -> Int? {
    var text = text
    return text.withUTF8 { pattern in
      body.withUnsafeBytes { end(of: UnsafeRawBufferPointer(pattern), in: $0) }
    }
  }

  /// The end of the first occurrence of `pattern`.
  static func end(of pattern: UnsafeRawBufferPointer, in body: UnsafeRawBufferPointer) -> Int? {
    var start = 0
    while start + pattern.count <= body.count {
      var length = 0
      while length < pattern.count, body[start + length] == pattern[length] { length += 1 }
      if length == pattern.count { return start + length }
      start += 1
    }
    return nil
  }
}
