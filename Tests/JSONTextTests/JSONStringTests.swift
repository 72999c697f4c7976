import JSONText
import Testing

@Suite struct JSONStringTests {
  @Test(arguments: [
    ("plain", "plain"), (#"a\"b\\c\/d"#, #"a"b\c/d"#), (#"\b\f\n\r\t"#, "\u{8}\u{C}\n\r\t"),
    (#"\u00e9"#, "é"),
    (#"\ud83d\ude00"#, "😀"), (#"\uD83D"#, "\u{FFFD}"), (#"\ude00\ud83d"#, "\u{FFFD}\u{FFFD}"),
    (#"\ud83dx"#, "\u{FFFD}x"),
    (#"\ud83d\u0041"#, "\u{FFFD}A"), (#"\u0000"#, "\u{0}"), ("é😀", "é😀"), ("", ""),
  ])
  func decodesEscapes(_ raw: String, _ decoded: String) {
    let bytes = Array(raw.utf8)
    #expect(JSONString.decode(0..<bytes.count, of: bytes.span) == decoded)
  }

  /// Whatever the limit, the tail decodes to the end of the whole string and is no longer than allowed.
  @Test(arguments: [
    #"abc\ndef\\\"gh"#, #"\\\\\\\\"#, #"\u00e9\u00e9x\u00e9"#, #"\ud83d\ude00\ud83d\ude00y"#, "é😀é😀z",
    #"x\\u0041\u0041"#,
  ])
  func tailsBeginAtABoundary(_ raw: String) throws {
    let bytes = Array(raw.utf8)
    let whole = JSONString.decode(0..<bytes.count, of: bytes.span)
    for limit in 0...bytes.count {
      let tail = JSONString.tail(of: 0..<bytes.count, limit: limit, in: bytes.span)
      #expect(tail.count <= limit && tail.upperBound == bytes.count)
      #expect(whole.hasSuffix(JSONString.decode(tail, of: bytes.span)))
      let quoted = [0x22] + bytes[tail] + [0x22]
      #expect(throws: Never.self) { try JSONScanner.validate(quoted.span) }
    }
  }

  @Test func whatIsWrittenReadsBackAsItWas() throws {
    let strings = [
      "", "a\"b\\c", "\u{0}\u{1F}\n\r\t", "é😀", "</script>", "é\"é\\😀\n", "éa\u{7F}é long enough \u{1}", "\"",
    ]
    for string in strings {
      var writer = JSONWriter()
      writer.object { $0.member("s", string: string) }
      let object = try JSONScanner.object(writer.bytes.span)
      let found = object.value(named: "s", in: writer.bytes.span)
      let value = try #require(found)
      let raw = value.range.lowerBound + 1..<value.range.upperBound - 1
      #expect(JSONString.decode(raw, of: writer.bytes.span) == string)
    }
  }

  @Test func absentValuesWriteNoMember() {
    var writer = JSONWriter()
    writer.object { object in
      object.member("a", string: nil)
      object.member("b", integer: 1)
      object.member("c", raw: nil)
      object.member("d", bool: false)
      object.member("e") { list in list.array([1, 2]) { $0.integer($1) } }
    }
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"b":1,"d":false,"e":[1,2]}"#)
  }
}
