import JSONText
import Testing

private func validate(_ bytes: [UInt8]) -> JSONError? {
  do throws(JSONError) {
    _ = try JSONScanner.validate(bytes.span)
    return nil
  } catch {
    return error
  }
}

@Suite struct JSONScannerTests {
  @Test(arguments: [
    "{}", "[]", "null", "true", "false", "0", "-0", "1", "-1", "10", "1.0", "0.1", "1e3", "1E+3", "2e-06",
    "-1.5e10",
    "123456789012345678901234567890", "1e99999", #""""#, #""a""#, #""\"\\\/\b\f\n\r\t""#, #""\u0000""#,
    #""\ud800""#,
    #""\uD83D\uDE00""#, "\"é😀\"", " [ ] ", "\t{\r\n}\n", "[1,2]", "[[],[[]],{}]", #"{"a":1}"#,
    #"{"a":{"b":[1,{}]}}"#,
    #"{"a":1,"a":2}"#, #"{"":""}"#, #"[{"a":[]},{"b":{}}]"#, "[1 , 2 ]", #"{ "a" : 1 , "b" : 2 }"#,
    "\"\u{7F}\"",
    "\"\u{10FFFF}\"",
  ])
  func acceptsWhatTheGrammarAllows(_ text: String) {
    #expect(validate(Array(text.utf8)) == nil)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd), (" ", .unexpectedEnd), ("{", .unexpectedEnd), ("[", .unexpectedEnd),
      ("[1", .unexpectedEnd),
      ("[1,", .unexpectedEnd), (#"{"a""#, .unexpectedEnd), (#"{"a":"#, .unexpectedEnd),
      (#"{"a":1,"#, .unexpectedEnd),
      (#"""#, .unexpectedEnd), (#""\"#, .unexpectedEnd), (#""\u12"#, .unexpectedEnd), ("tru", .unexpectedEnd),
      ("]", .unexpectedByte), ("}", .unexpectedByte), ("[1,]", .unexpectedByte),
      (#"{"a":1,}"#, .unexpectedByte),
      ("[,1]", .unexpectedByte), ("{1:2}", .unexpectedByte), ("{a:1}", .unexpectedByte),
      ("[1 2]", .unexpectedByte),
      (#"{"a" 1}"#, .unexpectedByte), ("[1}", .unexpectedByte), (#"{"a":1]"#, .unexpectedByte),
      ("nul!", .unexpectedByte),
      ("True", .unexpectedByte), ("'a'", .unexpectedByte), ("NaN", .unexpectedByte),
      ("Infinity", .unexpectedByte),
      ("+1", .unexpectedByte), (".5", .unexpectedByte), ("/**/1", .unexpectedByte),
      ("\u{FEFF}{}", .unexpectedByte),
      ("01", .invalidNumber), ("-", .invalidNumber), ("-01", .invalidNumber), ("1.", .invalidNumber),
      ("1.e3", .invalidNumber),
      ("1e", .invalidNumber), ("1e+", .invalidNumber), ("-a", .invalidNumber),
      (#""\x""#, .invalidEscape), (#""\u12g4""#, .invalidEscape), (#""\U1234""#, .invalidEscape),
      (#""\'""#, .invalidEscape),
      ("\"\n\"", .controlCharacter), ("\"\u{0}\"", .controlCharacter), ("\"\t\"", .controlCharacter),
      ("{}x", .trailingContent), ("1 2", .trailingContent), ("[][]", .trailingContent),
      ("null\u{0}", .trailingContent),
      ("0x1", .trailingContent), ("1a", .trailingContent),
    ] as [(String, JSONError.Reason)])
  func refusesWhatTheGrammarForbids(_ text: String, _ reason: JSONError.Reason) {
    #expect(validate(Array(text.utf8))?.reason == reason)
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82],
      [0xF0, 0x80, 0x80, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x28, 0xA1],
    ] as [[UInt8]])
  func refusesMalformedUTF8(_ bytes: [UInt8]) {
    #expect(validate([0x22] + bytes + [0x22])?.reason == .invalidUTF8)
    #expect(validate([0x22] + bytes) != nil)
  }

  @Test func nestingIsBoundedAndDeepTextIsACleanError() {
    func nested(_ depth: Int) -> [UInt8] {
      Array(repeating: UInt8(ascii: "["), count: depth) + Array(repeating: UInt8(ascii: "]"), count: depth)
    }
    // The innermost array is empty, and an empty container takes no level.
    #expect(validate(nested(JSONScanner.maxDepth + 1)) == nil)
    #expect(validate(nested(JSONScanner.maxDepth + 2))?.reason == .nestedTooDeeply)
    #expect(validate(nested(100_000))?.reason == .nestedTooDeeply)
    let objects = Array(repeating: #"{"a":"#, count: 100_000).joined()
    #expect(validate(Array(objects.utf8))?.reason == .nestedTooDeeply)
  }

  static let document = #"{"id":"p1","n":[1,-2.5e-3,true,null],"o":{"k":"v\u00e9\n"},"s":"é😀"}"#

  @Test func everyStrictPrefixIsRefused() {
    let bytes = Array(Self.document.utf8)
    for length in 0..<bytes.count { #expect(validate(Array(bytes.prefix(length))) != nil, "\(length) bytes") }
  }

  /// No byte replacement traps.
  ///
  /// Accepted texts have the same members when read again.
  @Test func everySingleByteReplacementHasADefinedAnswer() throws {
    var bytes = Array(Self.document.utf8)
    for index in bytes.indices {
      let original = bytes[index]
      for byte in UInt8.min...UInt8.max {
        bytes[index] = byte
        guard let object = try? JSONScanner.object(bytes.span) else { continue }
        for member in object.members { #expect(validate(Array(bytes[member.value.range])) == nil) }
      }
      bytes[index] = original
    }
  }

  @Test func membersAreFoundByTheirExactText() throws {
    let text = Array(#" { "a" : [1, 2] , "b":2e-06,"c" : "x y" , "a":12345678901234567890 } "#.utf8)
    let object = try JSONScanner.object(text.span)
    func slice(_ name: String) -> String? {
      object.value(named: name, in: text.span).map { String(decoding: text[$0.range], as: UTF8.self) }
    }
    #expect(object.members.count == 4)
    #expect(slice("a") == "12345678901234567890")
    #expect(slice("b") == "2e-06")
    #expect(slice("c") == #""x y""#)
    #expect(slice("d") == nil)
    #expect(String(decoding: text[object.members[0].value.range], as: UTF8.self) == "[1, 2]")
  }

  @Test func aNameWrittenWithEscapesIsTheSameName() throws {
    let text = Array(#"{"\u0069d":"escaped"}"#.utf8)
    let value = try JSONScanner.object(text.span).value(named: "id", in: text.span)
    #expect(value?.kind == .string)
  }

  /// A name is found by its value, however it is escaped.
  ///
  /// Nothing else matches.
  @Test(
    arguments: [
      ("id", true), (#"\u0069d"#, true), (#"i\u0064"#, true), (#"\u0069\u0064"#, true), ("", false),
      ("i", false),
      ("idd", false), (#"\u0069"#, false), (#"\u0069dd"#, false), (#"\u0069\u0064\u0000"#, false),
      (#"\u0169d"#, false),
      (#"\u0049d"#, false), (#"\n"#, false), (#"i\\"#, false), (#"\\u0069d"#, false), (#"\ud800d"#, false),
      ("iD", false),
    ] as [(String, Bool)])
  func aNameIsWhatItsEscapesSay(_ written: String, _ isID: Bool) throws {
    let text = Array(#"{"\#(written)":1}"#.utf8)
    #expect((try JSONScanner.object(text.span).value(named: "id", in: text.span) != nil) == isID)
  }

  /// Names that are equal in Unicode, but not in bytes.
  ///
  /// U+212A, the Kelvin sign, matches K, and "e" with an accent has two spellings.
  @Test(arguments: [(#"{"\u212a":1}"#, "K"), (#"{"e\u0301":1}"#, "\u{E9}")])
  func aNameThatOnlyLooksLikeAnotherIsAnother(_ text: String, _ name: String) throws {
    let text = Array(text.utf8)
    #expect(try JSONScanner.object(text.span).value(named: name, in: text.span) == nil)
  }

  /// Every byte at every offset, around the eight examined together.
  @Test(arguments: 0...17)
  func aStringEndsWhereItEndsWhereverThatIs(_ place: Int) {
    for byte in UInt8.min...UInt8.max {
      var text = Array(("\"" + String(repeating: "x", count: 18) + "\"").utf8)
      text[1 + place] = byte
      let isPlain = byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
      do throws(JSONError) {
        let value = try JSONScanner.validate(text.span)
        #expect(isPlain && value.range == 0..<text.count, "byte \(byte) at \(place)")
      } catch {
        // A backslash before the last quote escapes it. Otherwise the error is at the byte, or right after
        // it.
        #expect(!isPlain && (error.offset >= 1 + place), "byte \(byte) at \(place): \(error)")
      }
    }
  }

  @Test(arguments: ["[]", "1", "null", #""a""#])
  func otherValuesAreNotObjects(_ text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: JSONError(.notAnObject, at: 0)) { try JSONScanner.object(bytes.span) }
  }

  @Test func elementsOfAnArrayAreFound() throws {
    let text = Array(#"[1, {"a":2}, "x", []]"#.utf8)
    let value = try JSONScanner.validate(text.span)
    let elements = try JSONScanner.elements(value, in: text.span)
    #expect(elements.map(\.kind) == [.number, .object, .string, .array])
  }

  @Test func aLongStringIsReadInOnePass() throws {
    let text = [0x22] + Array(repeating: UInt8(ascii: "a"), count: 8 << 20) + [0x22]
    #expect(try JSONScanner.validate(text.span).range.count == text.count)
  }
}
