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

  /// The tail decodes to the end of the string, for any limit.
  ///
  /// It is no longer than allowed.
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

  @Test func writtenStringsReadBackUnchanged() throws {
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

  /// Every offset, length of a string, and kind of character.
  @Test(arguments: ["\"", "\\", "\n", "\u{1F}"])
  func escapesAreFoundAtEveryOffset(_ special: String) throws {
    for length in 0...26 {
      for filler in ["x", " ", "~", "\u{7F}", "!", "#", "[", "]"] {
        let plain = String(repeating: filler, count: length)
        #expect(Self.written(plain) == "\"\(plain)\"")
        for place in 0...length {
          let text = plain.prefix(place) + special + plain.dropFirst(place)
          let bytes = Array(Self.written(String(text)).utf8)
          #expect(throws: Never.self) { try JSONScanner.validate(bytes.span) }
          #expect(JSONString.decode(1..<bytes.count - 1, of: bytes.span) == text)
        }
      }
    }
  }

  private static func written(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    ("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false), ("ab", "abc", false), ("", "", true),
    (#"\u0061bc"#, "abc", true), (#"\u0061bc"#, #"\u0061bc"#, false), (#"a\nb"#, "a\nb", true),
    // Canonically equivalent in Unicode, but different bytes.
    ("\u{E9}", "e\u{301}", false), (#"\u00e9"#, "\u{E9}", true),
  ])
  func aRawTextStandsForOneString(_ raw: String, _ string: String, _ isMeant: Bool) {
    let bytes = Array(raw.utf8)
    #expect(JSONString.means(0..<bytes.count, string, in: bytes.span) == isMeant)
  }

  @Test(
    arguments: [
      (0, 3, "0.000"), (7, 3, "0.007"), (1834, 3, "1.834"), (-1, 3, "-0.001"), (-1834, 3, "-1.834"),
      (10_000, 4, "1.0000"),
      (.max, 3, "9223372036854775.807"), (.min, 4, "-922337203685477.5808"), (5, 1, "0.5"),
      (.max, 18, "9.223372036854775807"),
    ] as [(Int64, Int, String)])
  func aDecimalHasItsPlaces(_ units: Int64, _ places: Int, _ text: String) {
    var writer = JSONWriter()
    writer.decimal(units, places: places)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
  }

  @Test(arguments: [0, 9, 10, -1, 1_000_000, .max, .min] as [Int64])
  func anIntegerIsItsDigits(_ number: Int64) {
    var writer = JSONWriter()
    writer.integer(number)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == String(number))
  }

  @Test func anyNameCanBeWritten() {
    var writer = JSONWriter()
    writer.object { object in
      object.member("a", string: "1")
      object.member(named: "b\"\n") { $0.string("2") }
      object.member("c", string: "3")
    }
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":"1","b\"\n":"2","c":"3"}"#)
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
