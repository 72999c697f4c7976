import JSONText
@testable import JobRequests
import Jobs
import Simulation
import Testing

private func rule(_ text: String) throws(OutputRuleError) -> OutputRule {
  let bytes = Array(text.utf8)
  return try OutputRule(expect: bytes.span)
}

/// The violation of `expect` by an output in JSON. Nil if there is none.
private func violation(_ expect: String, _ output: String) throws -> String? {
  let bytes = Array(output.utf8)
  return try rule(expect).violation(
    by: try JSONScanner.validate(bytes.span), in: bytes.span, isDataRemoved: false)?.message
}

private let file = "https://replicate.delivery/xezq/abc/out-0.png"

@Suite struct OutputRuleTests {
  @Test(
    arguments: [
      ("{}", #""x""#), ("{}", "0"), ("{}", "false"), ("{}", #"[null,"x"]"#),
      (#"{"allow_empty":true}"#, "null"),
      (#"{"kind":"urls","allow_empty":true}"#, "[]"), (#"{"kind":"url"}"#, #""\#(file)""#),
      (#"{"kind":"urls"}"#, #""\#(file)""#), (#"{"kind":"urls"}"#, #"["\#(file)",["\#(file)"]]"#),
      (
        #"{"kind":"urls","count":2}"#,
        #"{"zip":"\#(file)","video":"\#(file)","seed":4,"note":"data is good","n":null}"#
      ),
      (
        #"{"kind":"urls","count":{"min":1,"max":2}}"#,
        #"[{"image":"\#(file)","caption":"see https://x.com"}]"#
      ),
      (#"{"kind":"urls","count":{"min":2}}"#, #"["\#(file)","\#(file)","\#(file)"]"#),
      (#"{"kind":"text"}"#, #""x""#), (#"{"kind":"text","length":3}"#, #"["a","\u00e9","","😀"]"#),
      (#"{"kind":"text","length":{"max":1}}"#, #""\ud83d\ude00""#), (#"{"kind":"json"}"#, #"{"a":1}"#),
      (#"{"kind":"json"}"#, "[1]"), (#"{"kind":"url","extensions":["png"]}"#, #""\#(file)""#),
      (#"{"kind":"url","extensions":["JPG"]}"#, #""https://replicate.delivery/a.JPEG?x=1#y.gif""#),
      (#"{"kind":"url","allow_data":true}"#, #""data:text/plain,x""#),
      (#"{"kind":"url","allow_data":true,"extensions":["svg"]}"#, #""data:image/svg+xml;base64,AA""#),
      (#"{"kind":"url","hosts":["cdn.example.com"]}"#, #""https://a.CDN.example.com/x""#),
    ])
  func usableOutputPasses(_ expect: String, _ output: String) throws {
    #expect(try violation(expect, output) == nil)
  }

  @Test(
    arguments: [
      ("{}", "null", "expect.allow_empty"), ("{}", #""""#, "expect.allow_empty"),
      ("{}", #"[[],{"a":null},["",null]]"#, "expect.allow_empty"),
      (#"{"kind":"text"}"#, #"["",""]"#, "allow_empty"),
      (#"{"kind":"urls","count":4}"#, #"["\#(file)"]"#, "output has 1 URL, and expect.count is 4"),
      (#"{"kind":"urls","count":{"min":2}}"#, #"["\#(file)"]"#, "expect.count is at least 2"),
      (#"{"kind":"urls","count":{"max":1}}"#, #"["\#(file)","\#(file)"]"#, "2 URLs, and expect.count is 1"),
      (#"{"kind":"urls","count":{"min":3,"max":4}}"#, #"["\#(file)","\#(file)"]"#, "expect.count is 3 to 4"),
      (#"{"kind":"url"}"#, #"["\#(file)"]"#, "expect.kind is url"),
      (#"{"kind":"url"}"#, #""hello""#, "expect.kind"),
      (#"{"kind":"url"}"#, #""Note: it failed""#, "expect.kind"), (#"{"kind":"url"}"#, "7", "expect.kind"),
      (#"{"kind":"urls"}"#, #"["\#(file)","hello"]"#, "expect.kind"),
      (#"{"kind":"urls"}"#, "[1]", "expect.kind"),
      (#"{"kind":"urls"}"#, #"["\#(file)",null]"#, "expect.kind"),
      (#"{"kind":"urls"}"#, #"{"a":"b"}"#, "expect.kind"),
      (#"{"kind":"urls"}"#, #"{"a":"\#(file)","b":"https://evil.com/"}"#, "expect.hosts"),
      (#"{"kind":"text"}"#, #"{"a":"b"}"#, "expect.kind"), (#"{"kind":"text"}"#, #"["a",1]"#, "expect.kind"),
      (#"{"kind":"text"}"#, #"[{"a":"b"}]"#, "expect.kind"),
      (
        #"{"kind":"text","length":{"min":3}}"#, #"["é","😀"]"#,
        "output has 2 characters, and expect.length is at least 3"
      ),
      (#"{"kind":"json"}"#, #""{}""#, "expect.kind"), (#"{"kind":"json"}"#, "1", "expect.kind"),
      (#"{"kind":"url"}"#, #""data:image/png;base64,AA""#, "expect.allow_data"),
      (#"{"kind":"url","extensions":["png"]}"#, #""https://replicate.delivery/png""#, "expect.extensions"),
      (
        #"{"kind":"url","extensions":["png"]}"#, #""https://replicate.delivery/a.png.exe""#,
        "expect.extensions"
      ),
      (#"{"kind":"url","extensions":["png"]}"#, #""https://replicate.delivery/a.png/""#, "expect.extensions"),
      (#"{"kind":"url","allow_data":true,"extensions":["png"]}"#, #""data:,x""#, "expect.extensions"),
      (#"{"kind":"url","hosts":["cdn.example.com"]}"#, #""\#(file)""#, "expect.hosts"),
    ])
  func unusableOutputNamesItsRule(_ expect: String, _ output: String, _ part: String) throws {
    let message = try #require(try violation(expect, output))
    #expect(message.contains(part), "\(message)")
    #expect(!message.contains("hello") && !message.contains("replicate.delivery"))
  }

  /// The host is the one that a downloader would connect to.
  ///
  /// What the rest of the text looks like does not matter.
  @Test(
    arguments: [
      ("https://replicate.delivery/", true), ("https://REPLICATE.delivery/", true),
      ("HTTPS://replicate.delivery/a", true),
      ("https://pbxt.replicate.delivery/x", true), ("https://a.b.replicate.delivery/x", true),
      ("https://replicate.delivery:443/x", true), ("https://replicate.delivery", true),
      ("https://replicate.delivery?x", true), ("https://replicate.delivery/é.png", true),
      (#"https:\/\/replicate.delivery\/x"#, true), (#"https:\u002f\u002freplicate.delivery\u002fx"#, true),
      ("https://replicate.delivery.evil.com/", false), ("https://evil.com/replicate.delivery", false),
      ("https://evil.com/.replicate.delivery", false), ("https://evil.com#.replicate.delivery", false),
      ("https://evil.com?.replicate.delivery", false), ("https://replicate.delivery@evil.com/", false),
      ("https://evil.com@replicate.delivery/", false), ("https://a:b@replicate.delivery/", false),
      ("https://evilreplicate.delivery/", false), ("https://.replicate.delivery/", false),
      ("https://a..replicate.delivery/", false), ("https://replicate.delivery./", false),
      ("https://replicate.delivery:8443/", false), ("https://replicate.delivery:/", false),
      ("https://replicate.delivery:443:443/", false), ("https://replicate.delivery:0443/", false),
      ("http://replicate.delivery/", false), ("ftp://replicate.delivery/", false),
      ("//replicate.delivery/", false),
      ("https:///replicate.delivery/", false), ("https:///", false), ("https://", false), ("https:", false),
      ("https:/replicate.delivery/", false), ("https:replicate.delivery/", false),
      (#"https:\\\\replicate.delivery/"#, false), (#"https://evil.com\\.replicate.delivery/"#, false),
      (#"https://evil.com\\@replicate.delivery/"#, false),
      (#"https://replicate.delivery\u005c@evil.com/"#, false),
      (#"https://replicate.delivery\n.evil.com/"#, false), (#"https://replicate.delivery/\u0000"#, false),
      (#"https://evil.com\t.replicate.delivery/"#, false), ("https://replicate.delivery /", false),
      (#"\u0020https://replicate.delivery/"#, false), (#"https://replicate.delivery\u0040evil.com/"#, false),
      ("https://replicate%2edelivery/", false), ("https://evil.com%2f.replicate.delivery/", false),
      ("https://[replicate.delivery]/", false), ("https://replicate。delivery/", false),
      ("https://replicate.del\u{131}very/", false), ("https://\u{212A}.replicate.delivery/", false),
      ("https://-a.replicate.delivery/", false), ("https://127.0.0.1/", false),
      ("replicate.delivery/x", false),
      ("https://replicate.delivery/\(String(repeating: "x", count: 8192))", false),
    ])
  func `only the host decides`(_ url: String, _ isUsable: Bool) throws {
    #expect(try (violation(#"{"kind":"url"}"#, #""\#(url)""#) == nil) == isUsable)
    #expect(try (violation(#"{"kind":"urls"}"#, #"["\#(url)"]"#) == nil) == isUsable)
  }

  /// A stand-in's files pass, and those of nothing else on this machine.
  @Test(
    arguments: [
      ("http://127.0.0.1:9000", "http://127.0.0.1:9000/xezq/a/out-0.png", true),
      ("http://127.0.0.1:9000", "HTTP://127.0.0.1:9000?x", true),
      ("http://127.0.0.1:9000", "http://127.0.0.1:9000", true),
      ("http://127.0.0.1:9000", "https://replicate.delivery/x", true),
      ("http://localhost:9000", "http://LOCALHOST:9000/x", true),
      ("http://[::1]:9000", "http://[::1]:9000/x", true),
      ("https://localhost:9000", "https://localhost:9000/x", true),
      ("http://localhost", "http://localhost:80/x", true),
      ("http://localhost:80", "http://localhost/x", true),
      ("https://localhost", "https://localhost:443/x", true),
      ("http://127.0.0.1:9000", "https://127.0.0.1:9000/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1:9001/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1:90000/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1:900/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.2:9000/x", false),
      ("http://127.0.0.1:9000", "http://localhost:9000/x", false),
      ("http://127.0.0.1:9000", "http://[::1]:9000/x", false),
      ("http://127.0.0.1:9000", "http://127.1:9000/x", false),
      ("http://127.0.0.1:9000", "http://2130706433:9000/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1:09000/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1:9000@evil.com/x", false),
      ("http://127.0.0.1:9000", "http://user@127.0.0.1:9000/x", false),
      ("http://127.0.0.1:9000", "http://127.0.0.1:9000.evil.com/x", false),
      ("http://127.0.0.1:9000", #"http://127.0.0.1:9000\\x"#, false),
      ("http://127.0.0.1:9000", #"http://127.0.0.1:9000\t/x"#, false),
      ("http://127.0.0.1:9000", "http://evil.com/127.0.0.1:9000", false),
      ("http://127.0.0.1:9000", "http:/127.0.0.1:9000/x", false),
      ("http://127.0.0.1:9000", "http:127.0.0.1:9000/x", false),
      ("http://127.0.0.1:9000", "ws://127.0.0.1:9000/x", false),
      ("http://127.0.0.1:9000", "//127.0.0.1:9000/x", false),
      ("http://127.0.0.1:9000", "http://replicate.delivery/x", false),
      ("http://127.0.0.1:9000", "http://169.254.169.254/x", false),
      ("https://localhost", "http://localhost:443/x", false),
    ])
  func `only the local origin passes beside the hosts`(
    _ origin: String, _ url: String, _ isUsable: Bool
  ) throws {
    for (expect, output) in [
      (#"{"kind":"url"}"#, #""\#(url)""#), (#"{"kind":"urls"}"#, #"["\#(url)"]"#),
      (#"{"kind":"urls","hosts":["replicate.delivery","cdn.example.com"]}"#, #"{"image":"\#(url)"}"#),
    ] {
      let bytes = Array(output.utf8)
      var rule = try rule(expect)
      rule.localOrigin = LocalOrigin(loopbackURL: origin)
      let value = try JSONScanner.validate(bytes.span)
      let violation = rule.violation(by: value, in: bytes.span, isDataRemoved: false)
      #expect((violation == nil) == isUsable, "\(violation?.message ?? "usable")")
      rule.localOrigin = nil
      let isUsableElsewhere = rule.violation(by: value, in: bytes.span, isDataRemoved: false) == nil
      #expect(isUsableElsewhere == (url == "https://replicate.delivery/x"))
    }
  }

  /// The other rules hold for a stand-in's files too.
  @Test func `a local file has its extension checked`() throws {
    let output = Array(#""http://127.0.0.1:9000/out-0.png""#.utf8)
    for (ending, isUsable) in [("png", true), ("wav", false)] {
      var rule = try rule(#"{"kind":"url","extensions":["\#(ending)"]}"#)
      rule.localOrigin = LocalOrigin(loopbackURL: "http://127.0.0.1:9000")
      let value = try JSONScanner.validate(output.span)
      #expect((rule.violation(by: value, in: output.span, isDataRemoved: false) == nil) == isUsable)
    }
  }

  @Test(
    arguments: [
      "[]", "", #"{"kind":"image"}"#, #"{"kind":1}"#, #"{"knd":"url"}"#, #"{"kind":"url","kind":"url"}"#,
      #"{"kind":"urls","count":0}"#, #"{"kind":"urls","count":-1}"#, #"{"kind":"urls","count":1.5}"#,
      #"{"kind":"urls","count":"4"}"#, #"{"kind":"urls","count":{}}"#,
      #"{"kind":"urls","count":{"min":3,"max":2}}"#,
      #"{"kind":"urls","count":{"least":3}}"#, #"{"kind":"urls","count":{"min":"3"}}"#,
      #"{"kind":"urls","count":[1]}"#,
      #"{"kind":"urls","count":{"max":10001}}"#, #"{"kind":"urls","count":99999999999}"#,
      #"{"kind":"url","count":1}"#,
      #"{"kind":"text","hosts":["a.b"]}"#, #"{"length":3}"#, #"{"kind":"urls","length":3}"#,
      #"{"kind":"url","hosts":[]}"#,
      #"{"kind":"url","hosts":"a.b"}"#, #"{"kind":"url","hosts":["a.b/"]}"#, #"{"kind":"url","hosts":["*"]}"#,
      #"{"kind":"url","hosts":["com"]}"#, #"{"kind":"url","hosts":[".a.b"]}"#,
      #"{"kind":"url","extensions":[".png"]}"#,
      #"{"kind":"url","extensions":[""]}"#, #"{"kind":"url","extensions":[1]}"#,
      #"{"kind":"url","allow_data":"yes"}"#,
      #"{"allow_empty":1}"#, #"{"kind":"any","allow_data":true}"#,
    ])
  func anInconsistentRuleIsRejected(_ text: String) {
    #expect(throws: OutputRuleError.self) { try rule(text) }
  }

  @Test func removedOutputPassesEveryRule() throws {
    let null: [UInt8] = Array("null".utf8)
    let rule = try rule(#"{"kind":"urls","count":1}"#)
    #expect(rule.violation(by: nil, in: null.span, isDataRemoved: true) == nil)
    #expect(
      rule.violation(by: try JSONScanner.validate(null.span), in: null.span, isDataRemoved: true) == nil)
    #expect(rule.violation(by: nil, in: null.span, isDataRemoved: false) != nil)
    let other = Array("[1]".utf8)
    #expect(
      rule.violation(by: try JSONScanner.validate(other.span), in: other.span, isDataRemoved: true) != nil)
  }

  @Test func `the deepest output is validated`() throws {
    let depth = JSONScanner.maxDepth
    let output = String(repeating: "[", count: depth) + #""\#(file)""# + String(repeating: "]", count: depth)
    #expect(try violation(#"{"kind":"urls","count":1}"#, output) == nil)
  }

  @Test(arguments: 0..<8)
  func nothingTraps(_ seed: Int) throws {
    var mutation = Mutation(seed: UInt64(seed))
    let rules = try [
      "{}", #"{"kind":"url","extensions":["png"]}"#, #"{"kind":"urls","count":2}"#,
      #"{"kind":"text","length":3}"#, #"{"kind":"json"}"#,
    ].map(rule)
    for _ in 0..<1000 {
      let expect = mutation.mutate(
        #"{"kind":"urls","count":{"min":1,"max":2},"hosts":["a.b"],"extensions":["png"]}"#)
      _ = try? OutputRule(expect: expect.span)
      let output = mutation.mutate(#"[{"a":"\#(file)","b":1},"\#(file)",["data:image/png;base64,AA"]]"#)
      guard let value = try? JSONScanner.validate(output.span) else { continue }
      for rule in rules { _ = rule.violation(by: value, in: output.span, isDataRemoved: false) }
    }
  }
}
