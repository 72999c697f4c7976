import JSONText
import Testing

@Suite struct JSONLeavesTests {
  private func leaves(_ text: String) throws -> [String] {
    let bytes = Array(text.utf8)
    var leaves = JSONLeaves(of: try JSONScanner.validate(bytes.span))
    var found: [String] = []
    while let leaf = leaves.next(in: bytes.span) {
      found.append("\(leaf.isMember ? "." : "")\(String(decoding: bytes[leaf.value.range], as: UTF8.self))")
    }
    return found
  }

  @Test(
    arguments: [
      (#""a""#, [#""a""#]), ("1", ["1"]), ("null", ["null"]), ("[]", []), ("{}", []), (" [ ] ", []),
      (#"{"a":1}"#, [".1"]),
      (
        #"{ "a" : "b" , "c" : [ "d" , {"e":true} ], "f": -1.5e+3 }"#,
        [#"."b""#, #""d""#, ".true", ".-1.5e+3"]
      ),
      (#"[[],{},[["x"]],null]"#, [#""x""#, "null"]), (#"["a:",":"]"#, [#""a:""#, #"":""#]),
      (#"{"a\"":"b\":","":""}"#, [#"."b\":""#, #"."""#]),
      (#"[false,"{",{"k":"}"}]"#, ["false", #""{""#, #"."}""#]),
    ])
  func everyScalarIsFoundOnceAndNamesAreNot(_ text: String, _ expected: [String]) throws {
    #expect(try leaves(text) == expected)
  }

  @Test func theDeepestTextIsWalkedOnce() throws {
    let depth = JSONScanner.maxDepth
    let text = String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
    #expect(try leaves(text) == ["1"])
  }

  @Test(arguments: [#"["a"#, #"{"a":"\"#, "[1", "]]]}", #""\u12"#])
  func aTextThatWasNotValidatedEndsThePass(_ text: String) {
    let bytes = Array(text.utf8)
    var leaves = JSONLeaves(of: JSONValue(kind: .array, range: 0..<bytes.count))
    var rounds = 0
    while leaves.next(in: bytes.span) != nil, rounds < 10 { rounds += 1 }
    #expect(rounds < 10)
  }
}
