import JSONText
import Simulation
import Testing

@testable import JobRequests

private func digest(_ text: String) -> [UInt8] { RequestDigest().digest(of: Array(text.utf8).span) }

@Suite struct RequestDigestTests {
  @Test(
    arguments: [
      (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#), (#"{"a":[1,2]}"#, " {\n\t\"a\" : [ 1 ,\r2 ] }\n"),
      (#"{"a":"é\n\"/"}"#, #"{"\u0061":"\u00e9\u000A\u0022\/"}"#),
      (#"{"a":"😀"}"#, #"{"a":"\uD83D\ude00"}"#), (#"{"a":"\uD800"}"#, #"{"a":"\ud800"}"#),
      (#"{"a":{"x":{"p":1,"q":[{"s":1,"t":2}]},"y":0}}"#, #"{"a":{"y":0,"x":{"q":[{"t":2,"s":1}],"p":1}}}"#),
      // A null member of the request counts as absent.
      (#"{"a":1,"timeout":null}"#, #"{"a":1}"#), (#"{"timeout":null,"a":1}"#, #"{"a":1}"#),
      (#"{"a":null}"#, "{}"),
    ])
  func `one value has one digest`(_ one: String, _ other: String) {
    #expect(digest(one) == digest(other))
  }

  @Test(
    arguments: [
      (#"{"a":1}"#, #"{"a":1.0}"#), (#"{"a":1e3}"#, #"{"a":1E3}"#), (#"{"a":1}"#, #"{"a":"1"}"#),
      (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#), (#"{"a":[1,2]}"#, #"{"a":[12]}"#),
      (#"{"a":[[],1]}"#, #"{"a":[[1]]}"#),
      (#"{"a":{"b":null}}"#, #"{"a":{}}"#), (#"{"a":"\ud800"}"#, #"{"a":"\ud801"}"#),
      (#"{"a":"\ud800"}"#, #"{"a":"\ufffd"}"#), (#"{"a":"\\ud800"}"#, #"{"a":"\ud800"}"#),
      (#"{"a":"é"}"#, #"{"a":"e\u0301"}"#), (#"{"a":""}"#, #"{"":"a"}"#),
      (#"{"a":"b","c":1}"#, #"{"a":"b\"c"}"#),
      (#"{"a":{"x":1,"x":2}}"#, #"{"a":{"x":2,"x":1}}"#), (#"{"a":true}"#, #"{"a":"true"}"#),
      (#"{"id":"x","a":1}"#, #"{"a":1}"#),
    ])
  func `another value has another digest`(_ one: String, _ other: String) {
    #expect(digest(one) != digest(other))
  }

  /// Nested deeply, and with members in the worst order at every level.
  @Test func `time and memory are linear in the text`() throws {
    let depth = JSONScanner.maxDepth - 1
    let filler = String(repeating: "x", count: 1000)
    func nested(_ wrap: (String) -> String) -> String { (0..<depth).reduce("0") { text, _ in wrap(text) } }
    let one = nested { #"{"b":"\#(filler)","a":\#($0)}"# }
    let other = nested { #"{ "a" : \#($0), "b":"\#(filler)"}"# }
    #expect(digest(one) == digest(other))
    #expect(digest(one) != digest(other.replacing("0,", with: "1,", maxReplacements: 1)))
  }

  /// Any value with its members shuffled, spaces added and characters escaped.
  @Test(arguments: 0..<200 as Range<UInt64>)
  func `no rewriting changes the digest`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let value = Value.random(depth: 4, using: &random)
    let (one, other) = (value.text(using: &random), value.text(using: &random))
    #expect(digest("{\"v\":\(one)}") == digest("{\"v\": \(other)}"), "\(one) \(other)")
    let changed = value.changed(using: &random).text(using: &random)
    #expect(digest("{\"v\":\(one)}") != digest("{\"v\":\(changed)}"), "\(one) \(changed)")
  }

  @Test(
    arguments: [
      (
        #"{"model":"a/b","input":{"prompt":"x"}}"#, #"{"input":{"prompt":"y"},"model":"a/b"}"#, "input.prompt"
      ),
      (#"{"model":"a/b","input":{}}"#, #"{"model":"a/c","input":{"a":1}}"#, "model"),
      (#"{"model":"a/b","input":{}}"#, #"{"model":"a/b","input":{},"retries":1}"#, "retries"),
      (#"{"model":"a/b","input":{},"retries":1}"#, #"{"model":"a/b","input":{}}"#, "retries"),
      (#"{"input":{"a":[1]}}"#, #"{"input":{"a":[2]}}"#, "input.a"),
      (
        #"{"input":{"a":{"b":{"c":{"d":{"e":1}}}}}}"#, #"{"input":{"a":{"b":{"c":{"d":{"e":2}}}}}}"#,
        "input.a.b.c"
      ),
      (#"{"input":{"a":1,"a":2}}"#, #"{"input":{"a":2}}"#, "input.a"),
      (#"{"input":{"\u0061\n":1}}"#, #"{"input":{"a\n":2}}"#, #"input.a\u000a"#),
      (#"{"a":1,"b":null}"#, #"{"b":null,"a":1}"#, nil), (#"{"a":1}"#, "[", nil), ("1", "2", nil),
    ])
  func `the first member that differs is named`(_ one: String, _ other: String, _ path: String?) {
    #expect(
      RequestDifference.firstMember(of: Array(one.utf8).span, comparedWith: Array(other.utf8).span) == path)
  }

  @Test func `a long name is cut, and no value is named`() {
    let name = String(repeating: "n", count: 5000)
    let path = RequestDifference.firstMember(
      of: Array(#"{"\#(name)":"secret"}"#.utf8).span, comparedWith: Array(#"{"\#(name)":"other"}"#.utf8).span)
    #expect(path?.utf8.count ?? 0 < 100 && path?.hasPrefix("nnn") ?? false)
  }
}

/// A JSON value with distinct names in each object.
private indirect enum Value {
  case object([(String, Value)])
  case array([Value])
  case string(String)
  case literal(String)

  static func random(depth: Int, using random: inout SeededGenerator) -> Value {
    switch Int.random(in: depth > 0 ? 0..<6 : 4..<6, using: &random) {
    case 0, 1:
      let count = Int.random(in: 0..<5, using: &random)
      return .object((0..<count).map { ("\($0)é\"", .random(depth: depth - 1, using: &random)) })
    case 2, 3:
      return .array(
        (0..<Int.random(in: 0..<4, using: &random)).map { _ in .random(depth: depth - 1, using: &random) })
    case 4: return .string(["", "a", "é\n", "\u{1}\\\"/", "😀"].randomElement(using: &random) ?? "")
    default: return .literal(["null", "true", "false", "0", "-1.50e+3"].randomElement(using: &random) ?? "0")
    }
  }

  func text(using random: inout SeededGenerator) -> String {
    let space = ["", " ", "\n\t"].randomElement(using: &random) ?? ""
    switch self {
    case .object(let members):
      let parts = members.shuffled(using: &random).map { name, value in
        "\(Self.quoted(name, &random))\(space):\(space)\(value.text(using: &random))"
      }
      return "{\(space)\(parts.joined(separator: "\(space),"))\(space)}"
    case .array(let elements):
      return "[\(space)\(elements.map { $0.text(using: &random) }.joined(separator: ",\(space)"))]"
    case .string(let text): return Self.quoted(text, &random)
    case .literal(let text): return text
    }
  }

  private static func quoted(_ text: String, _ random: inout SeededGenerator) -> String {
    var quoted = ""
    for unit in text.unicodeScalars {
      let mustEscape = unit.value < 0x20 || unit == "\"" || unit == "\\"
      if mustEscape || Bool.random(using: &random) {
        for part in String(unit).utf16 {
          let digits = String(part, radix: 16)
          quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      } else {
        quoted.unicodeScalars.append(unit)
      }
    }
    return "\"\(quoted)\""
  }

  /// Another value.
  func changed(using random: inout SeededGenerator) -> Value {
    switch self {
    case .object(let members):
      guard let index = members.indices.randomElement(using: &random) else { return .array([]) }
      var members = members
      members[index].1 = members[index].1.changed(using: &random)
      return .object(members)
    case .array(let elements):
      return .array(elements + [.literal("0")])
    case .string(let text): return .string(text + "x")
    case .literal(let text): return .string(text)
    }
  }
}
