import JSONText
import Testing

@Suite struct JSONComparisonTests {
  @Test(arguments: [
    ("1", "1.0"), ("1", "10e-1"), ("0", "-0.0e9"), ("1e400", "10E+399"), ("0.10", "0.1"),
    ("-12.50", "-125e-1"),
    (#""a\u0062c""#, #""abc""#), ("[1, [2]]", "[1.0,[2]]"),
    (#"{"a": 1, "b": [true]}"#, #"{"b":[true],"a":1e0}"#),
    (#"{"a": 1, "a": 2}"#, #"{"a": 2}"#), ("null", "null"), ("{}", "{ }"), ("[]", "[ ]"), (#""""#, #""""#),
  ])
  func `equal values have equal meanings`(_ left: String, _ right: String) throws {
    #expect(try Self.equal(left, right))
    #expect(try Self.equal(right, left))
  }

  @Test(arguments: [
    ("1", "2"), ("1e400", "1e401"), ("0.1", "0.10000000000000001"),
    ("12345678901234567890", "12345678901234567891"),
    (#""a""#, #""A""#), ("true", "false"), ("null", "0"), ("[1]", "[1,2]"), ("[1,2]", "[2,1]"),
    (#"{"a":1}"#, #"{"a":1,"b":1}"#), (#"{"a":1}"#, #"{"b":1}"#), ("[]", "{}"), (#""""#, #""a""#),
    ("1", "-1"),
  ])
  func `different values differ`(_ left: String, _ right: String) throws {
    #expect(try !Self.equal(left, right))
    #expect(try !Self.equal(right, left))
  }

  @Test(arguments: [
    ("1", "2"), ("-2", "-1"), ("-1", "0"), ("0", "1e-400"), ("9", "10"), ("0.09", "0.1"), ("-1e400", "1"),
    ("1e400", "1e401"), ("99999999999999999999", "1e20"), ("1.5", "1.51"), ("-1.51", "-1.5"),
  ])
  func `numbers are ordered by their exact values`(_ less: String, _ more: String) throws {
    let (left, right) = (try #require(Self.decimal(less)), try #require(Self.decimal(more)))
    #expect(left < right)
    #expect(!(right < left))
  }

  @Test(arguments: [
    (#""Two HERONS at dawn""#, #""herons""#, true), (#""aab aabaaab""#, #""AABAAA""#, true),
    (#""heron""#, #""herons""#, false), (#""a""#, #""""#, true), ("[1, 2.0]", "2", true),
    ("[1]", #""1""#, false),
    ("[[1]]", "[1]", true), (#"{"a":1}"#, #""a""#, false), (#""12""#, "1", false),
  ])
  func `a string contains a part of it, an array its elements`(
    _ whole: String, _ part: String, _ expected: Bool
  ) throws {
    var budget = ReadBudget()
    #expect(
      try JSONComparison.contains(try Self.operand(whole), try Self.operand(part), &budget) == expected)
  }

  @Test func `a comparison stops at its budget`() throws {
    let long = try Self.operand("\"" + String(repeating: "a", count: 100) + "\"")
    var budget = ReadBudget(50)
    #expect(throws: ReadBudget.Exhausted.self) { try JSONComparison.equal(long, long, &budget) }
  }

  private static func operand(_ text: String) throws -> JSONComparison.Operand {
    let bytes = Array(text.utf8)
    return JSONComparison.Operand(value: try JSONScanner.validate(bytes.span), text: bytes)
  }

  private static func equal(_ left: String, _ right: String) throws -> Bool {
    var budget = ReadBudget()
    return try JSONComparison.equal(try operand(left), try operand(right), &budget)
  }

  private static func decimal(_ text: String) -> JSONDecimal? {
    let bytes = Array(text.utf8)
    guard let value = try? JSONScanner.validate(bytes.span) else { return nil }
    return JSONDecimal(value, in: bytes.span)
  }
}
