import JSONText
import Testing

@Suite struct JSONPointerTests {
  /// The document and the pointers of RFC 6901 section 5.
  private static let document = #"""
    {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7,
     "m~n": 8, "deep": {"x": [ [1.50e+2] ]}, "twice": 1, "tw\u0069ce": 2}
    """#

  @Test(arguments: [
    ("/foo", #"["bar", "baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"),
    ("/e^f", "3"), ("/g|h", "4"), (#"/i\j"#, "5"), (#"/k"l"#, "6"), ("/ ", "7"), ("/m~0n", "8"),
    ("/deep/x/0/0", "1.50e+2"), ("/twice", "2"),
  ])
  func `a pointer leads to the exact bytes of a value`(_ pointer: String, _ expected: String) throws {
    #expect(try Self.place(pointer, in: Self.document) == expected)
  }

  @Test(arguments: [
    ("/foo/2", 1, "an array of 2"), ("/foo/-", 1, "an array of 2"), ("/foo/bar", 1, "an array of 2"),
    ("/none", 0, "an object without `none`"), ("/deep/x/0/0/y", 4, "a number"),
    ("/foo/1/0", 2, "a string"), ("/foo/99999999999999999999", 1, "an array of 2"),
  ])
  func `a pointer to nothing describes the value that it leads to`(
    _ pointer: String, _ depth: Int, _ found: String
  ) throws {
    let bytes = Array(Self.document.utf8)
    var budget = ReadBudget()
    let place = try JSONPointer(Array(pointer.utf8)).place(
      in: try JSONScanner.validate(bytes.span), of: bytes.span, &budget)
    #expect(place == .missing(depth: depth, found: found))
  }

  @Test(arguments: [
    ("foo", JSONPointer.Fault.noSlash), ("/a~", .invalidEscape), ("/~2", .invalidEscape),
    ("/01", .leadingZero),
    ("/a/00", .leadingZero), ("/" + String(repeating: "x", count: 1024), .tooLong),
  ])
  func `an invalid pointer is rejected`(_ text: String, _ fault: JSONPointer.Fault) {
    #expect(throws: fault) { try JSONPointer(Array(text.utf8)) }
  }

  @Test func `a lookup stops at its budget`() throws {
    let bytes = Array(Self.document.utf8)
    let value = try JSONScanner.validate(bytes.span)
    var budget = ReadBudget(10)
    #expect(throws: ReadBudget.Exhausted.self) {
      try JSONPointer(Array("/foo".utf8)).place(in: value, of: bytes.span, &budget)
    }
  }

  private static func place(_ pointer: String, in document: String) throws -> String? {
    let bytes = Array(document.utf8)
    var budget = ReadBudget()
    let place = try JSONPointer(Array(pointer.utf8)).place(
      in: try JSONScanner.validate(bytes.span), of: bytes.span, &budget)
    guard case .value(let value) = place else { return nil }
    return String(decoding: bytes[value.range], as: UTF8.self)
  }
}
