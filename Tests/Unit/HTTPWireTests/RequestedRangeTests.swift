@testable import Bytes
import HTTPWire
import Testing

/// Ranges and conditions of requests (RFC 9110 sections 13 and 14).
@Suite struct RequestedRangeTests {
  private func head(_ fields: String, method: String = "GET") throws -> RequestHead {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array("\(method) / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
    let head = try parser.parse(bytes.span)
    return try #require(head)
  }

  private static let tag = #""abc""#

  @Test(arguments: [
    ("bytes=0-0", 0..<1), ("bytes=0-99", 0..<100), ("bytes=5-", 5..<100), ("bytes=99-", 99..<100),
    ("bytes=0-1000", 0..<100), ("bytes=-1", 99..<100), ("bytes=-100", 0..<100), ("bytes=-1000", 0..<100),
    ("Bytes=1-2", 1..<3), ("bytes=00001-002", 1..<3),
    ("bytes=1-99999999999999999999999999", 1..<100), ("bytes=-99999999999999999999999999", 0..<100),
  ])
  func `one range is read`(_ value: String, _ expected: Range<Int>) throws {
    #expect(try head("Range: \(value)\r\n").requestedRange(ofSize: 100, tag: Self.tag) == .part(expected))
  }

  @Test(arguments: [
    "bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999999-",
    "bytes=9223372036854775807-",
  ])
  func `a range without a byte of the file is unsatisfiable`(_ value: String) throws {
    #expect(try head("Range: \(value)\r\n").requestedRange(ofSize: 100, tag: Self.tag) == .unsatisfiable)
  }

  @Test(arguments: [
    "", "bytes", "bytes=", "bytes=-", "bytes=1", "bytes=2-1", "bytes=0-1,3-4", "bytes=0-1,", "bytes= 0-1",
    "bytes=0 -1", "bytes=a-b", "bytes=+1-2", "bytes=--1", "bytes=1--2", "bytes=1-2-3", "lines=0-1",
    "bytes:0-1", "byte=0-1", "bytes=0x1-0x2",
  ])
  func `any other field is ignored`(_ value: String) throws {
    #expect(try head("Range: \(value)\r\n").requestedRange(ofSize: 100, tag: Self.tag) == .whole)
  }

  @Test func `two fields are ignored`() throws {
    let twice = try head("Range: bytes=0-1\r\nRange: bytes=0-1\r\n")
    #expect(twice.requestedRange(ofSize: 100, tag: Self.tag) == .whole)
  }

  @Test(arguments: ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=7-"])
  func `an empty file has no ranges`(_ value: String) throws {
    #expect(try head("Range: \(value)\r\n").requestedRange(ofSize: 0, tag: Self.tag) == .whole)
  }

  @Test func `a range is for GET alone`() throws {
    let head = try head("Range: bytes=0-1\r\n", method: "HEAD")
    #expect(head.requestedRange(ofSize: 100, tag: Self.tag) == .whole)
  }

  @Test(arguments: [
    (#""abc""#, true), (#"W/"abc""#, false), (#""abd""#, false), ("abc", false), ("*", false),
    (#""abc", "abc""#, false), ("Tue, 01 Sep 2026 12:30:45 GMT", false),
  ])
  func `If-Range lets the range hold for the same file alone`(_ value: String, _ holds: Bool) throws {
    let range = try head("If-Range: \(value)\r\nRange: bytes=1-\r\n").requestedRange(ofSize: 9, tag: Self.tag)
    #expect(range == (holds ? .part(1..<9) : .whole))
    let repeated = try head("If-Range: \(value)\r\nIf-Range: \(value)\r\nRange: bytes=1-\r\n")
    #expect(repeated.requestedRange(ofSize: 9, tag: Self.tag) == .whole)
  }

  @Test(
    arguments: [
      ("", .met), ("If-None-Match: *\r\n", .notModified), (#"If-None-Match: "abc"\#r\#n"#, .notModified),
      (#"If-None-Match: W/"abc"\#r\#n"#, .notModified),
      (#"If-None-Match: "x,y" , "abc"\#r\#n"#, .notModified),
      ("If-None-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n", .notModified),
      (#"If-None-Match: "abd"\#r\#n"#, .met), ("If-None-Match: abc\r\n", .met), ("If-None-Match:\r\n", .met),
      ("If-Match: *\r\n", .met), (#"If-Match: "abc"\#r\#n"#, .met), (#"If-Match: "x", "abc"\#r\#n"#, .met),
      (#"If-Match: W/"abc"\#r\#n"#, .failed), (#"If-Match: "abd"\#r\#n"#, .failed),
      ("If-Match:\r\n", .failed),
      // If-Match comes first.
      ("If-Match: \"abd\"\r\nIf-None-Match: \"abc\"\r\n", .failed),
      ("If-Match: \"abc\"\r\nIf-None-Match: \"abc\"\r\n", .notModified),
      ("If-Modified-Since: Tue, 01 Sep 2026 12:30:45 GMT\r\n", .met),
      ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", .met),
    ] as [(String, Precondition)])
  func `conditions are evaluated in their order`(_ fields: String, _ expected: Precondition) throws {
    #expect(try head(fields).precondition(of: Self.tag) == expected)
  }
}
