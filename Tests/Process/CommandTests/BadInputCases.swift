import Foundation

/// A signed body that no sender should send, and its answer.
struct BadInput {
  let name: String
  let body: [UInt8]
  let answer: Answer

  enum Answer {
    /// Rejected with this status and code; nothing is stored.
    case refused(Int, String)
    /// Answered 200; the job has this id.
    case recorded(String, outcome: String, Shown)
  }

  /// Texts that the job's document contains and lacks, byte for byte.
  struct Shown {
    var texts: [[UInt8]] = []
    var hidden: [String] = []
  }

  static func malformed(_ name: String, _ body: some Sequence<UInt8>) -> BadInput {
    BadInput(name: name, body: Array(body), answer: .refused(400, "malformed_json"))
  }

  static func malformed(_ text: String) -> BadInput { malformed(text, text.utf8) }

  static func missing(_ text: String) -> BadInput {
    BadInput(name: text, body: Array(text.utf8), answer: .refused(400, "missing_field"))
  }

  /// A recorded body, whose job shows `texts` and none of `hidden`.
  static func recorded(
    _ name: String, _ id: String, _ body: String, outcome: String = "applied", shows texts: [String] = [],
    hides hidden: [String] = []
  ) -> BadInput {
    BadInput(
      name: name, body: Array(body.utf8),
      answer: .recorded(id, outcome: outcome, Shown(texts: texts.map { Array($0.utf8) }, hidden: hidden)))
  }

  static let all =
    noObjects + encodings + depths + widths + truncations + repeatedNames + strings + numbers + wrongTypes
    + ids
    + sizes + statuses + ends + trainings

  static func prediction(_ id: String, _ rest: String, status: String = "succeeded") -> String {
    #"{"id":"\#(id)","status":"\#(status)",\#(rest)}"#
  }
}

// MARK: - The text

extension BadInput {
  private static let noObjects: [BadInput] =
    [
      "", " ", "\n\t\r ", "[]", #"[{"id":"a","status":"starting"}]"#, #""text""#, "1", "-0.0e1", "null",
      "true", "{", "}",
    ]
    .map(malformed)
    + [
      #"{"id":"a","status":"starting"}{}"#, #"{"id":"a","status":"starting",}"#, "id=a&status=starting",
      "<id>a</id>",
    ]
    .map(malformed)
    + ["{}", " { } ", #"{"data":{"id":"a","status":"starting"}}"#, #"{"ID":"a","Status":"starting"}"#].map(
      missing)

  private static let encodings: [BadInput] = {
    let valid = Array(#"{"id":"encoding","status":"starting"}"#.utf8)
    func inString(_ bytes: [UInt8]) -> [UInt8] {
      Array(#"{"id":"encoding","status":"starting","input":""#.utf8) + bytes + Array(#""}"#.utf8)
    }
    return [
      malformed("a byte order mark", [0xEF, 0xBB, 0xBF] + valid),
      malformed("UTF-16", valid.flatMap { [$0, 0] }),
      malformed("UTF-16 with a mark", [0xFE, 0xFF] + valid.flatMap { [0, $0] }),
      malformed("UTF-32", valid.flatMap { [$0, 0, 0, 0] }),
      malformed("NUL before", [0] + valid), malformed("NUL after", valid + [0]),
      malformed("NUL inside", inString([0])),
      malformed("half a character", inString([0xC3])), malformed("a stray continuation", inString([0x80])),
      malformed("an overlong slash", inString([0xC0, 0xAF])),
      malformed("a surrogate in UTF-8", inString([0xED, 0xA0, 0x80])),
      malformed("beyond Unicode", inString([0xF4, 0x90, 0x80, 0x80])), malformed("Latin-1", inString([0xE9])),
      malformed("a line end in a string", inString([0x0A])),
      malformed("gzip", [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 3] + valid),
      malformed(
        "invalid UTF-8 in a name",
        Array(#"{"id":"a","status":"starting",""#.utf8) + [0xFF] + Array(#"":1}"#.utf8)),
    ]
  }()

  private static let depths: [BadInput] = {
    func nested(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    let objects = String(repeating: #"{"a":"#, count: 100_000)
    // 1,024 levels with the outermost; an innermost one that is empty takes none.
    return [
      recorded(
        "1,024 levels", "deep", prediction("deep", #""output":\#(nested(1024))"#),
        shows: [#""output":\#(nested(1024)),"#]),
      malformed("1,025 levels", prediction("deeper", #""output":\#(nested(1025))"#).utf8),
      malformed("100,000 levels", prediction("deepest", #""output":\#(nested(100_000))"#).utf8),
      malformed("100,000 levels that never end", String(repeating: "[", count: 100_000).utf8),
      malformed(
        "100,000 objects",
        prediction("objects", #""input":\#(objects)1\#(String(repeating: "}", count: 100_000))"#).utf8),
      malformed("100,000 objects that never end", objects.utf8),
    ]
  }()

  private static let widths: [BadInput] = {
    func list(_ element: String, _ count: Int) -> String {
      Array(repeating: element, count: count).joined(separator: ",")
    }
    func output(_ id: String, _ element: String, _ count: Int) -> BadInput {
      let text = "[\(list(element, count))]"
      return recorded(
        "\(count) times \(element)", id, prediction(id, #""output":\#(text)"#),
        shows: [#""output":\#(text),"#])
    }
    let names = (0..<150_000).map { #""_\#(String($0, radix: 36))":1"# }.joined(separator: ",")
    return [
      output("wide-0", "0", 1_000_000), output("wide-1", "{}", 1_000_000), output("wide-2", #""a":0"#, 0),
      recorded(
        "a million members of one name", "wide-3", prediction("wide-3", list(#""":0"#, 1_000_000)),
        hides: [#""""#]),
      recorded(
        "150,000 members with escaped names", "wide-4", prediction("wide-4", list(#""\u0061b":0"#, 150_000)),
        hides: [#"ab"#]),
      recorded(
        "150,000 members", "wide-5", prediction("wide-5", #"\#(names),"output":"last""#),
        shows: [#""output":"last""#]),
      malformed(
        "a million that do not end", prediction("wide-6", #""output":[\#(list("0", 1_000_000))"#).utf8),
    ]
  }()

  private static let truncations: [BadInput] = {
    let whole = Array(
      prediction(
        "truncated", #""output":[1.5e+3,true,null,{"é😀":"\u00e9\ud83d\ude00\n"}],"logs":"a\\","x":-0"#
      ).utf8)
    return (1..<whole.count).map { malformed("the first \($0) bytes", whole.prefix($0)) }
  }()
}

// MARK: - The members

extension BadInput {
  private static let repeatedNames: [BadInput] = [
    recorded("two ids: the last counts", "twice-2", #"{"id":"twice-1","status":"starting","id":"twice-2"}"#),
    recorded(
      "two statuses and outputs", "twice-3",
      #"{"id":"twice-3","status":"failed","output":1,"status":"succeeded","output":2}"#,
      shows: [#""state":"succeeded""#, #""output":2,"#], hides: [#""output":1"#, #""error""#]),
    recorded(
      "an id under an escaped name", "twice-5",
      #"{"id":"twice-4","status":"starting","\u0069\u0064":"twice-5"}"#),
    missing(#"{"id":"a","status":"starting","id":null}"#),
    recorded(
      "an output that is taken back", "twice-6", prediction("twice-6", #""output":1,"output":null"#),
      shows: [#""state":"failed""#, #""provider_status":"succeeded""#, #""code":"invalid_output""#],
      hides: [#""output":"#]),
  ]

  private static let strings: [BadInput] =
    [
      (#""\ud800""#, "lone-1"), (#""\udc00\ud800""#, "lone-2"), (#"["\ud83d\ude00","\uD83D"]"#, "pair"),
      (#""\u0000\u001f\u007f""#, "controls"), (#"{"\u0000":"\ud800","":{}}"#, "names"),
      (#""</script>\/\u2028""#, "script"),
    ].map { (value, id) in
      recorded(
        value, id, prediction(id, #""input":\#(value),"output":\#(value)"#),
        shows: [#""input":\#(value),"output":\#(value),"#])
    } + [
      recorded(
        "logs that end in half a pair", "logs-pair", prediction("logs-pair", #""logs":"a\ud83d""#),
        shows: [#""logs_tail":"a\ud83d""#]),
      recorded(
        "a model and an error with NUL", "model-nul",
        prediction("model-nul", #""model":"a\u0000b","error":"c\u0000d\ud800""#, status: "failed"),
        shows: [#""model":"a\u0000b""#, #""message":"c\u0000d\#u{FFFD}""#]),
      malformed(prediction("a", #""input":"\x""#)), malformed(prediction("a", #""input":"\u12g4""#)),
      malformed(prediction("a", #""input":'a'"#)), malformed(prediction("a", #""input":"a"#)),
    ]

  private static let numbers: [BadInput] =
    [
      "1e999999", "-1E-999999", "0e0", "-0", "-0.000", "1E+2", "9007199254740993", "2.50",
      String(repeating: "9", count: 10_000), "0." + String(repeating: "1", count: 10_000),
      "1e" + String(repeating: "9", count: 10_000),
    ].enumerated().map { index, number in
      recorded(
        "number \(number.prefix(20))", "number-\(index)",
        prediction("number-\(index)", #""output":\#(number),"metrics":{"predict_time":\#(number)}"#),
        shows: [#""output":\#(number),"metrics":{"predict_time":\#(number)}"#])
    }
    + ["01", "1.", ".5", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "--1", "1_000", "1,5"].map
  {
    malformed(prediction("a", #""output":\#($0)"#))
  }

  private static let wrongTypes: [BadInput] =
    ["1", "-1.5e300", "true", "null", "[]", "{}", #"["text"]"#].flatMap { value in
      [missing(#"{"id":\#(value),"status":"starting"}"#), missing(#"{"id":"a","status":\#(value)}"#)]
    }
    + [
      "input", "output", "metrics", "logs", "model", "version", "error", "created_at", "started_at",
      "completed_at",
      "urls", "data_removed", "webhook", "of_tomorrow",
    ].flatMap { field in
      ["1", #""text""#, "true", "null", "[]", "{}", #"[{"a":"b"}]"#, #"{"detail":5}"#].enumerated().map {
        index, value in
        wrongType(field, value, "type-\(field)-\(index)")
      }
    }

  private static func wrongType(_ field: String, _ value: String, _ id: String) -> BadInput {
    let shown: String?
    switch (field, value) {
    case ("input", _), ("output", _), ("metrics", _):
      shown = value == "null" ? nil : #""\#(field)":\#(value)"#
    case ("data_removed", "true"): shown = #""data_removed":true"#
    case ("logs", #""text""#): shown = #""logs_tail":"text""#
    case ("model", #""text""#): shown = #""model":"text""#
    case ("version", #""text""#): shown = #""model_version":"text""#
    case ("error", "null"): shown = #""error":{"code":"unknown"}"#
    case ("error", #""text""#): shown = #""error":{"code":"unknown","message":"text"}"#
    case ("error", _):
      // A value that is no string is shown as it was written.
      shown = #""error":{"code":"unknown","message":"\#(value.replacing("\"", with: #"\""#))"}"#
    default: shown = nil
    }
    let name = ["logs": "logs_tail", "version": "model_version"][field] ?? field
    return recorded(
      "\(field): \(value)", id, prediction(id, #""\#(field)":\#(value)"#, status: "failed"),
      shows: shown.map { [$0] } ?? [],
      hides: shown == nil ? [#""\#(name)":"#] : [])
  }

  private static let statuses: [BadInput] =
    [
      "hibernating", "SUCCEEDED", "Failed", "cancelled", " succeeded", "succeeded ", "😀",
      String(repeating: "s", count: 64),
    ]
    .enumerated().map { index, status in
      recorded(
        "status \(status)", "status-\(index)", prediction("status-\(index)", #""x":1"#, status: status),
        outcome: "unknown_status",
        shows: [#""state":"pending""#, #""provider_status":"\#(status)""#])
    }
    + ["", #"a\u0000"#, #"a\nb"#, String(repeating: "s", count: 65)].map {
      missing(prediction("a", #""x":1"#, status: $0))
    }

  /// Contradicting ends, and updates after an end: the first end stands.
  private static let ends: [BadInput] =
    [("succeeded", "failed"), ("failed", "canceled"), ("canceled", "succeeded"), ("aborted", "failed")]
    .flatMap { first, second in
      let id = "end-\(first)"
      let shown = [#""provider_status":"\#(first)""#, #""output":1"#]
      return [
        recorded(first, id, prediction(id, #""output":1"#, status: first), shows: shown),
        recorded(
          "\(second) after it", id, prediction(id, #""output":2"#, status: second), outcome: "conflict",
          shows: shown),
        recorded(
          "progress after it", id, prediction(id, #""output":3"#, status: "processing"), outcome: "late",
          shows: shown),
        recorded(
          "an unknown status after it", id, prediction(id, #""output":4"#, status: "x"),
          outcome: "unknown_status",
          shows: shown),
      ]
    }

  private static let trainings: [BadInput] = {
    let urls = #""urls":{"get":"https://api.replicate.com/v1/trainings/zz4ibbonubfz7carwiefibzgga"}"#
    let output = #"{"version":"owner/name:64","weights":null}"#
    return [
      recorded(
        "a training", "training",
        prediction("training", #"\#(urls),"model":"owner/trainer","output":\#(output)"#),
        shows: [#""model":"owner/trainer""#, #""output":\#(output),"#]),
      recorded(
        "one without anything", "bare-training", prediction("bare-training", urls, status: "starting")),
      missing(#"{"status":"succeeded",\#(urls)}"#),
    ]
  }()
}

// MARK: - The id and the size

extension BadInput {
  private static let ids: [BadInput] =
    [
      String(repeating: "x", count: 255), String(repeating: "é", count: 127),
      String(repeating: "😀", count: 63), "😀", "👨‍👩‍👧",
      "مرحبا", "\u{202E}gpj.exe", "\u{2028}", "\u{FEFF}", "\u{FFFF}", "\u{E9}", "e\u{301}", "a", "A", "a/b",
      "/", "..%2f",
      "../../etc/passwd", ".", "..", "...", "%", "%2e", "%00", "a%zz", " ", " a ", "a b", "a+b", "a\"b",
      "a'b", #"a\b"#, "a;b",
      "'; DROP TABLE jobs; --", "\" OR 1=1 --", "?", "#", "a&b=c", "*", "<script>", "jobs", "history", "null",
      "0", "-1", "~",
    ].map { id in
      // As a sender might write it: only what JSON requires is escaped.
      let written = id.replacing(#"\"#, with: #"\\"#).replacing("\"", with: #"\""#)
      return recorded(
        "id \(id.prefix(40))", id, prediction(written, #""output":"of this one""#),
        shows: [#""output":"of this one""#])
    } + [
      recorded(
        "255 escapes", String(repeating: "y", count: 255),
        prediction(String(repeating: #"\u0079"#, count: 255), #""x":1"#)),
      recorded("a lone surrogate", "\u{FFFD}", prediction(#"\ud800"#, #""x":1"#)),
      // Another text that decodes to the same id is the same job.
      recorded(
        "another lone surrogate", "\u{FFFD}", prediction(#"\ud801"#, #""y":1"#, status: "starting"),
        outcome: "late"),
    ]
    + [
      "", String(repeating: "x", count: 256), String(repeating: "é", count: 128),
      String(repeating: #"\u0079"#, count: 256),
    ].map {
      missing(prediction($0, #""x":1"#))
    }
    + [#"\u0000"#, #"a\u0001"#, #"a\nb"#, #"\u001f"#, #"\u007f"#, #"\u0080"#, #"\u0085"#, "\u{9F}"].map {
      missing(prediction($0, #""x":1"#))
    }

  private static let sizes: [BadInput] = {
    let limit = 8 << 20
    let (head, tail) = (#"{"id":"large","status":"succeeded","logs":""#, #"the end"}"#)
    let body = head + String(repeating: "x", count: limit - head.utf8.count - tail.utf8.count) + tail
    return [
      recorded(
        "8 MiB of logs", "large", body,
        shows: [#""logs_tail":"\#(String(repeating: "x", count: 4089))the end""#]),
      BadInput(
        name: "one byte more", body: Array((body + " ").utf8), answer: .refused(413, "body_too_large")),
      malformed("8 MiB of spaces", Array(repeating: 0x20, count: limit)),
      malformed("8 MiB of quotes", Array(repeating: 0x22, count: limit)),
      malformed("8 MiB of backslashes", Array(#"{""#.utf8) + Array(repeating: 0x5C, count: limit - 2)),
      recorded(
        "an error of 7 MiB", "long-error",
        prediction(
          "long-error", #""error":"\#(String(repeating: "e", count: 7 << 20))""#, status: "failed"),
        shows: [#""message":"\#(String(repeating: "e", count: 4096))"}"#]),
      recorded(
        "a model of 2,049 bytes", "long-model",
        prediction(
          "long-model", #""model":"\#(String(repeating: "m", count: 2049))""#), hides: [#""model""#]),
    ]
  }()
}
