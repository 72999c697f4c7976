import JobRequests
import Testing

@Suite struct MetadataMembersTests {
  private func members(_ text: String) throws -> [String] {
    let text = Array(text.utf8)
    return try MetadataMembers.members(of: text.span).map { "\($0.key)=\($0.value)" }
  }

  private func membersWithinLimits(_ text: String) -> [String] {
    let text = Array(text.utf8)
    return MetadataMembers.membersWithinLimits(of: text.span).map(\.key)
  }

  private static func text(_ count: Int, _ character: Character) -> String {
    String(repeating: character, count: count)
  }

  @Test(
    arguments: [
      ("{}", []), (#"{"a":"x","b":1.50e3,"c":true,"d":false}"#, ["a=x", "b=1.50e3", "c=true", "d=false"]),
      (#"{"a":null,"b":{"c":1},"d":[2]}"#, []),
      (#"{"\u0061":"\u00e9\n\"","":""}"#, ["a=é\n\"", "="]),
      // The last of a repeated name counts, of any type.
      (#"{"a":1,"b":2,"a":3}"#, ["b=2", "a=3"]), (#"{"a":1,"\u0061":{}}"#, []),
      (#"{"a.b":1,"A":2,"a":3}"#, ["a.b=1", "A=2", "a=3"]),
    ] as [(String, [String])])
  func `strings, numbers and booleans are indexed as text`(_ text: String, _ expected: [String]) throws {
    #expect(try members(text) == expected)
  }

  @Test func `metadata beyond the limits is rejected, and its fault named`() throws {
    let many = (1...17).map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
    let nested = (1...40).map { #""k\#($0)":[\#($0)]"# }.joined(separator: ",")
    let (key, value) = (Self.text(65, "k"), Self.text(257, "v"))
    #expect(throws: MetadataMembers.Fault.tooMany) { try members("{\(many)}") }
    #expect(throws: MetadataMembers.Fault.longKey(Self.text(64, "k"))) { try members(#"{"\#(key)":1}"#) }
    #expect(throws: MetadataMembers.Fault.longValue(key: "a")) { try members(#"{"a":"\#(value)"}"#) }
    #expect(throws: MetadataMembers.Fault.longValue(key: "n")) {
      try members(#"{"n":1\#(Self.text(256, "0"))}"#)
    }
    // What is not indexed has no limits of its own.
    #expect(try members(#"{\#(nested),"\#(key)":{"a":"\#(value)"}}"#) == [])
    #expect(membersWithinLimits("{\(many)}") == (1...16).map { "k\($0)" })
    #expect(membersWithinLimits(#"{"\#(key)":1,"a":"\#(value)","b":1}"#) == ["b"])
  }

  /// The limits are of the text without its escapes.
  @Test func `metadata at the limits is accepted`() throws {
    let key = String(repeating: #"\u006b"#, count: 64)
    let value = String(repeating: #"\u00e9"#, count: 128)
    #expect(try members(#"{"\#(key)":"\#(value)"}"#) == ["\(Self.text(64, "k"))=\(Self.text(128, "é"))"])
    #expect(throws: MetadataMembers.Fault.longValue(key: "a")) { try members(#"{"a":"\#(value)x"}"#) }
  }

  @Test func `the metadata of a stored request is its exact text`() {
    let texts = [
      (#"{"model":"a/b","metadata": { "a" : 1.0 } ,"input":{}}"#, #"{ "a" : 1.0 }"#), (#"{"a":{}}"#, nil),
      (#"{"metadata":null}"#, nil), ("", nil), ("{", nil),
    ]
    for (request, expected) in texts {
      let body = Array(request.utf8)
      let text = MetadataMembers.text(inRequest: body.span)
      #expect(text.map { String(decoding: $0, as: UTF8.self) } == expected)
    }
  }
}
