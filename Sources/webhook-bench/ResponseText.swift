/// The little that is looked for in an answer of the jobs API, whose members have no white space between them.
enum ResponseText {
  static func contains(_ text: String, in body: [UInt8]) -> Bool {
    end(of: text, in: body) != nil
  }

  /// The numbers of `"counts":{"applied":1,…}` together; nil where there are none.
  static func sumOfCounts(in body: [UInt8]) -> Int? {
    guard let start = end(of: #""counts":{"#, in: body) else { return nil }
    let counts = String(decoding: body[start...].prefix { $0 != UInt8(ascii: "}") }, as: UTF8.self)
    return counts.split(separator: ",").reduce(0) { sum, member in
      sum + (member.split(separator: ":").last.flatMap { Int($0) } ?? 0)
    }
  }

  /// Behind the first place where `text` is.
  private static func end(of text: String, in body: [UInt8]) -> Int? {
    let pattern = Array(text.utf8)
    return body.withUnsafeBufferPointer { body in
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
}
