import JSONText
import Testing

@testable import replicate_simulator

/// Outputs that name files and members of the input.
@Suite struct OutputTemplateTests {
  private static let input = Array(#"{"prompt":"a \u00e9 fox","n":1.50, "list" : [ 1 ]}"#.utf8)

  private func template(_ text: String) throws -> OutputTemplate {
    let bytes = Array(text.utf8)
    return try OutputTemplate(try JSONScanner.validate(bytes.span), in: bytes.span)
  }

  @Test(arguments: [
    (#"{"$input":"prompt"}"#, #""a \u00e9 fox""#), (#"{"$input":"n"}"#, "1.50"),
    (#"{"$input":"none"}"#, "null"), (#"[{"$input":"list"},7]"#, "[[ 1 ],7]"),
    (#"{"$file":"image"}"#, #""image 0""#),
    (
      #"[{"$file":"image"},{"a":{"$file":"audio"}},{"$file":"svg"}]"#, #"["image 0",{"a":"audio 1"},"svg 2"]"#
    ),
    (#"{"b":{"$file":"mask"},"a":{"$file":"text"}}"#, #"{"b":"mask 0","a":"text 1"}"#),
    // Without a reference, JSON is kept byte for byte.
    (#"{"a" : 1.0, "b":"\u00e9"}"#, #"{"a" : 1.0, "b":"\u00e9"}"#), ("null", "null"),
    (#"{"a":{"$file":"data","bytes":5},"b":{"$data":"svg"}}"#, #"{"a":"data 0","b":"svg 1"}"#),
    (#"{"$ref":"x","b":1}"#, #"{"$ref":"x","b":1}"#), (#"["$input"]"#, #"["$input"]"#),
  ])
  func referencesAreReplaced(_ text: String, _ output: String) throws {
    var writer = JSONWriter()
    try template(text).write(to: &writer, input: Self.input) { "\($0.kind.rawValue) \($1)" }
    #expect(String(decoding: writer.bytes, as: UTF8.self) == output)
  }

  @Test(arguments: [
    #"{"$file":"picture"}"#, #"{"$file":"weights"}"#, #"{"$file":1}"#, #"{"$input":1}"#, #"{"$fil":"image"}"#,
    #"[1,{"a":{"$input":null}}]"#,
  ])
  func unknownReferencesAreRejected(_ text: String) {
    #expect(throws: OutputTemplate.Fault.self) { try template(text) }
  }

  @Test func deepTemplatesAreRejected() throws {
    let nested = { (depth: Int, inner: String) in
      String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try template(nested(20, #"{"$file":"image"}"#)) }
    #expect(throws: OutputTemplate.Fault.self) { try template(nested(40, #"{"$file":"image"}"#)) }
    // JSON alone is copied without a look inside.
    #expect(try template(nested(900, "1")) == .json(nested(900, "1")))
  }

  @Test(
    arguments: [
      ("bytes=0-0", ByteRange.from(0, through: 0)), ("bytes=5-", .from(5, through: nil)),
      ("Bytes=-5", .suffix(5)),
      ("bytes=1-0", nil), ("bytes=", nil), ("bytes=-", nil), ("bytes 0-1", nil), ("bytes=0-1-2", nil),
      ("bytes=0-1, 3-4", nil), ("bytes=+1-2", nil), ("bytes= 1-2", nil), ("bytes=1-x", nil),
      ("bytes=x-1", nil),
    ] as [(String, ByteRange?)])
  func onlySingleRangesAreRead(_ text: String, _ range: ByteRange?) {
    #expect(ByteRange(text) == range)
  }

  @Test(
    arguments: [
      (ByteRange.from(0, through: 9), 100, 0..<10), (.from(90, through: 200), 100, 90..<100),
      (.from(99, through: nil), 100, 99..<100), (.from(100, through: nil), 100, nil),
      (.suffix(1), 100, 99..<100),
      (.suffix(200), 100, 0..<100), (.suffix(0), 100, nil), (.from(0, through: 0), 0, nil),
      (.suffix(1), 0, nil),
    ] as [(ByteRange, Int, Range<Int>?)])
  func rangeIsWithinTheFile(_ range: ByteRange, _ count: Int, _ bytes: Range<Int>?) {
    #expect(range.bytes(of: count) == bytes)
  }

  /// RFC 1950's and RFC 1952's checksums of their common test text.
  @Test func checksumsAreTheKnownOnes() {
    let text = Array("123456789".utf8)
    #expect(Checksums.crc32(text) == 0xCBF4_3926 && Checksums.adler32(text) == 0x091E_01DE)
    #expect(Checksums.crc32([]) == 0 && Checksums.adler32([]) == 1)
  }

  /// H.264 section 9.1: 0 is `1`, 1 is `010`, 3 is `00100`. A one ends the unit, zeros fill it.
  @Test(
    arguments: [
      ([0], [0xC0]), ([1], [0x50]), ([2], [0x70]), ([3], [0x24]), ([0, 1, 2], [0xA7]),
      ([255], [0x00, 0x80, 0x40]),
    ] as [([Int], [UInt8])])
  func numbersAreExpGolombCodes(_ values: [Int], _ bytes: [UInt8]) {
    var bits = BitString([])
    for value in values { bits.append(unsigned: value) }
    #expect(bits.unit == bytes)
  }

  /// H.264 section 7.4.1: three bytes that look like a start code never occur.
  @Test(
    arguments: [
      ([0, 0, 1], [0, 0, 3, 1, 0x80]), ([0, 0, 0, 0, 0], [0, 0, 3, 0, 0, 3, 0, 0x80]),
      ([0, 0, 4], [0, 0, 4, 0x80]), ([1, 0, 0], [1, 0, 0, 0x80]), ([0, 0, 3], [0, 0, 3, 3, 0x80]),
    ] as [([UInt8], [UInt8])])
  func startCodesAreEscaped(_ content: [UInt8], _ unit: [UInt8]) {
    var bits = BitString([])
    bits.append(content)
    #expect(bits.unit == unit)
  }
}
